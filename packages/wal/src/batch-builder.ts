import type { Codec, FrameEncoder } from '@holdfast/codec'
import { HoldfastError } from '@holdfast/environment'
import { FRAME_HEADER_BYTES, frameBytes, MAX_PAYLOAD_BYTES, sealFrame } from '@holdfast/framing'
import { BATCH_PREFIX_BYTES, KIND, writeBatchPrefix } from './format.ts'
import type { CommittedBatch, Durability } from './log.ts'

/** A batch takes no further record once it holds this much: large records share a sync, and callers behind them wait for one write, not for a huge one. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Nor once it holds so many: they are applied in one turn of the event loop. */
const BATCH_RECORDS = 8192
/** What a batch's frame leaves for records and note. */
export const MAX_BATCH_BYTES: number = MAX_PAYLOAD_BYTES - BATCH_PREFIX_BYTES
/** Room for the note of a batch whose records are as large as may be. */
export const NOTE_MAX_BYTES: number = 16 * 1024 * 1024

/** The batch that is open: records are captured into it until it is sealed. */
export class BatchBuilder<T, W> {
  readonly waiters: W[] = []
  durability: Durability = 'os'
  readonly #codec: Codec<T>
  readonly #encoder: FrameEncoder<T>

  /** `encoder` is empty. It may be used for another batch once this one is sealed or given up. */
  constructor(codec: Codec<T>, encoder: FrameEncoder<T>) {
    this.#codec = codec
    this.#encoder = encoder
  }

  get bytes(): number {
    return this.#encoder.bytes
  }

  get count(): number {
    return this.#encoder.count
  }

  /** Takes no more records. */
  get isFull(): boolean {
    return this.#encoder.bytes >= BATCH_BYTES || this.#encoder.count >= BATCH_RECORDS
  }

  /** Captures a record; how many bytes it took. Throws with nothing captured. */
  add(record: T, durability: Durability, waiter: W, maxRecordBytes: number): number {
    const bytes = this.#encoder.add(record)
    if (bytes > maxRecordBytes) {
      this.#encoder.rollback()
      throw new HoldfastError(
        'RECORD_TOO_LARGE',
        `the record takes ${bytes} bytes encoded, and maxRecordBytes is ${maxRecordBytes}`,
        {
          outcome: 'not-written',
          details: { bytes, maxRecordBytes },
        },
      )
    }
    this.waiters.push(waiter)
    if (durability === 'disk') this.durability = 'disk'
    return bytes
  }

  /** Gives its encoder away, emptied. Nothing may be asked of the builder any more. */
  release(): FrameEncoder<T> {
    this.#encoder.reset()
    return this.#encoder
  }

  seal(fields: {
    firstSeq: number
    time: number
    durableSeq: number
    note: Uint8Array | undefined
    salt: number
    machineVersion: number
  }): SealedBatch<T, W> {
    const noteBytes = fields.note?.length ?? 0
    const payloadBytes = BATCH_PREFIX_BYTES + noteBytes + this.#encoder.bytes
    const frame = Buffer.allocUnsafe(frameBytes(payloadBytes))
    writeBatchPrefix(frame, FRAME_HEADER_BYTES, { ...fields, count: this.#encoder.count, noteBytes })
    const recordsAt = FRAME_HEADER_BYTES + BATCH_PREFIX_BYTES + noteBytes
    if (fields.note !== undefined) frame.set(fields.note, recordsAt - noteBytes)
    this.#encoder.copyTo(frame, recordsAt)
    return new SealedBatch(
      this.#codec,
      frame,
      payloadBytes,
      recordsAt,
      noteBytes,
      this.#encoder.count,
      fields,
      this.durability,
      this.waiters,
    )
  }
}

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
  readonly #codec: Codec<T>
  readonly #payloadBytes: number

  constructor(
    codec: Codec<T>,
    frame: Buffer,
    payloadBytes: number,
    recordsAt: number,
    noteBytes: number,
    count: number,
    fields: { firstSeq: number; time: number; durableSeq: number; salt: number; machineVersion: number },
    durability: Durability,
    waiters: readonly W[],
  ) {
    this.#codec = codec
    this.#payloadBytes = payloadBytes
    this.frame = frame
    this.firstSeq = fields.firstSeq
    this.count = count
    this.lastSeq = fields.firstSeq + count - 1
    this.time = fields.time
    this.durableSeq = fields.durableSeq
    this.machineVersion = fields.machineVersion
    this.note = frame.subarray(recordsAt - noteBytes, recordsAt)
    this.records = frame.subarray(recordsAt, FRAME_HEADER_BYTES + payloadBytes)
    this.durability = durability
    this.waiters = waiters
    this.headerChecksum = this.#seal(fields.salt)
  }

  get codec(): string {
    return this.#codec.id
  }

  /** The same batch for another segment, whose salt seeds its checksums. */
  reseal(salt: number): void {
    this.headerChecksum = this.#seal(salt)
  }

  decode(): T[] {
    return this.#codec.decode(this.records, this.count)
  }

  #seal(salt: number): number {
    return sealFrame(this.frame, 0, KIND.batch, 0, this.#payloadBytes, salt).headerChecksum
  }
}
