import type { Codec } from '@holdfast/codec'
import { FRAME_HEADER_BYTES, type KnownEnd, sealFrame } from '@holdfast/framing'
import { BATCH_PREFIX_BYTES, KIND } from './format.ts'
import type { CommittedBatch, Durability } from './log.ts'

/** What a sealed batch is made of. */
export interface SealedParts<T, W> {
  readonly codec: Codec<T>
  readonly firstSeq: number
  readonly count: number
  readonly time: number
  readonly durableSeq: number
  readonly machineVersion: number
  readonly durability: Durability
  readonly waiters: readonly W[]
  /** Its prefix, note and records stand in it; the header does not. */
  readonly frame: Buffer
  readonly payloadBytes: number
  readonly noteBytes: number
  readonly knownEnd: KnownEnd | undefined
  readonly salt: number
  /** Called once nobody looks at the frame any more. */
  readonly done: () => void
}

/** Whoever acts on it, and whoever would write it again. */
const HOLDERS = 2

/** A batch as it goes to disk. */
export class SealedBatch<T = unknown, W = unknown> implements CommittedBatch<T, W> {
  readonly frame: Buffer
  readonly firstSeq: number
  readonly lastSeq: number
  readonly count: number
  readonly time: number
  readonly durableSeq: number
  readonly machineVersion: number
  readonly note: Uint8Array
  readonly records: Uint8Array
  readonly durability: Durability
  readonly waiters: readonly W[]
  /** Of the frame as it is sealed now. */
  headerChecksum: number
  readonly #parts: SealedParts<T, W>
  #holders = HOLDERS

  constructor(parts: SealedParts<T, W>) {
    const { frame, firstSeq, count, noteBytes, payloadBytes } = parts
    const noteAt = FRAME_HEADER_BYTES + BATCH_PREFIX_BYTES
    this.#parts = parts
    this.frame = frame
    this.firstSeq = firstSeq
    this.count = count
    this.lastSeq = firstSeq + count - 1
    this.time = parts.time
    this.durableSeq = parts.durableSeq
    this.machineVersion = parts.machineVersion
    this.note = frame.subarray(noteAt, noteAt + noteBytes)
    this.records = frame.subarray(noteAt + noteBytes, FRAME_HEADER_BYTES + payloadBytes)
    this.durability = parts.durability
    this.waiters = parts.waiters
    this.headerChecksum = this.#seal(parts.salt)
  }

  get codec(): string {
    return this.#parts.codec.id
  }

  /** The same batch for another segment, whose salt seeds its checksums. */
  reseal(salt: number): void {
    this.headerChecksum = this.#seal(salt)
  }

  decode(): T[] {
    return this.#parts.codec.decode(this.records, this.count)
  }

  /** One of its two holders is done with it: it has been acted on, or is durable. Then both: its memory is another's. */
  release(): void {
    this.#holders -= 1
    if (this.#holders === 0) this.#parts.done()
  }

  #seal(salt: number): number {
    const { payloadBytes, knownEnd } = this.#parts
    return sealFrame(this.frame, 0, KIND.batch, 0, payloadBytes, salt, knownEnd).headerChecksum
  }
}
