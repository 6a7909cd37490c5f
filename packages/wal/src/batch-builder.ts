import type { Codec, FrameEncoder } from '@holdfast/codec'
import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import {
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  frameBytes,
  type KnownEnd,
  knownEndOf,
  MAX_PAYLOAD_BYTES,
} from '@holdfast/framing'
import { BATCH_PREFIX_BYTES, writeBatchPrefix } from './format.ts'
import type { FrameMemory } from './frame-memory.ts'
import type { Durability } from './log.ts'
import { SealedBatch } from './sealed-batch.ts'

/** A batch takes no further record once it holds this much: large records share a sync, and callers behind them wait for one write, not for a huge one. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Nor once it holds so many: the next is captured, and the last applied, while it is being written. */
const BATCH_RECORDS = 1024
/** What a batch's frame leaves for records and note. */
export const MAX_BATCH_BYTES: number = MAX_PAYLOAD_BYTES - BATCH_PREFIX_BYTES
/** Room for the note of a batch whose records are as large as may be. */
export const NOTE_MAX_BYTES: number = 16 * 1024 * 1024

/** What the records of one group may take, and so of a batch that one joins. */
export const MAX_GROUP_BYTES: number = MAX_BATCH_BYTES - NOTE_MAX_BYTES

/** Records that must share a frame. */
export interface Group<T, W> {
  readonly records: readonly T[]
  readonly durability: Durability
  readonly waiters: readonly W[]
  readonly maxRecordBytes: number
}

/** Before the records of a batch that is full: room for what is known only when it is sealed. A longer note is copied with them. */
const HEADROOM_BYTES = 1024

/** Records where they will be written from, behind the headroom. */
interface Filled {
  readonly buffer: Buffer
  readonly end: KnownEnd
  readonly count: number
}

/** The batch that is open: records are captured into it until it is sealed. */
export class BatchBuilder<T, W> {
  readonly waiters: W[] = []
  durability: Durability = 'os'
  readonly #codec: Codec<T>
  readonly #encoder: FrameEncoder<T>
  readonly #memory: FrameMemory
  #filled: Filled | undefined

  /** `encoder` is empty, and the builder's until it gives it away. */
  constructor(codec: Codec<T>, encoder: FrameEncoder<T>, memory: FrameMemory) {
    this.#codec = codec
    this.#encoder = encoder
    this.#memory = memory
  }

  get bytes(): number {
    return this.#filled?.end.bytes ?? this.#encoder.bytes
  }

  get count(): number {
    return this.#filled?.count ?? this.#encoder.count
  }

  /** Takes no more records. */
  get isFull(): boolean {
    return this.#filled !== undefined || this.bytes >= BATCH_BYTES || this.count >= BATCH_RECORDS
  }

  /** Captures a record; how many bytes it took. Throws with nothing captured. */
  add(record: T, durability: Durability, waiter: W, maxRecordBytes: number): number {
    this.#encoder.mark()
    const bytes = this.#encoder.add(record)
    if (bytes > maxRecordBytes) {
      this.#encoder.rollback()
      throw recordTooLarge(bytes, maxRecordBytes)
    }
    this.waiters.push(waiter)
    if (durability === 'disk') this.durability = 'disk'
    return bytes
  }

  /** Captures a group beside what is here, as `addGroup`. It may take the batch past its bounds no further than one record may. */
  joinGroup(group: Group<T, W>): number | undefined {
    if (this.count + group.records.length > BATCH_RECORDS) return undefined
    return this.addGroup(group, Math.min(BATCH_BYTES + group.maxRecordBytes, MAX_GROUP_BYTES))
  }

  /**
   * Captures a group; how many bytes it took. `undefined`, and nothing is captured, where the batch would take
   * more than `maxBytes` with it. Throws with nothing captured; `details.index` says which record was refused.
   */
  addGroup(
    { records, durability, waiters, maxRecordBytes }: Group<T, W>,
    maxBytes: number,
  ): number | undefined {
    const before = this.bytes
    this.#encoder.mark()
    for (const [index, record] of records.entries()) {
      try {
        const bytes = this.#encoder.add(record)
        if (bytes > maxRecordBytes) throw recordTooLarge(bytes, maxRecordBytes)
      } catch (error) {
        this.#encoder.rollback()
        throw isHoldfastError(error) ? Object.assign(error, { details: { ...error.details, index } }) : error
      }
      if (this.bytes > maxBytes) {
        this.#encoder.rollback()
        return undefined
      }
    }
    for (const waiter of waiters) this.waiters.push(waiter)
    if (durability === 'disk') this.durability = 'disk'
    return this.bytes - before
  }

  /**
   * Nothing more is captured into it. Copying the records and their checksum, which take longest, are done now,
   * while another batch is being written; sealing adds what is known only then. Gives its encoder away, emptied.
   */
  fill(): FrameEncoder<T> {
    const { bytes, count } = this.#encoder
    const buffer = this.#memory.take(HEADROOM_BYTES + bytes + FRAME_ALIGNMENT)
    this.#encoder.copyTo(buffer, HEADROOM_BYTES)
    this.#filled = {
      buffer,
      end: knownEndOf(buffer.subarray(HEADROOM_BYTES, HEADROOM_BYTES + bytes)),
      count,
    }
    return this.#emptied()
  }

  /** Gives its encoder away, emptied, unless it did before. Nothing may be asked of the builder any more. */
  release(): FrameEncoder<T> | undefined {
    return this.#filled === undefined ? this.#emptied() : undefined
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
    const payloadBytes = BATCH_PREFIX_BYTES + noteBytes + this.bytes
    const recordsAt = FRAME_HEADER_BYTES + BATCH_PREFIX_BYTES + noteBytes
    const memory = this.#memoryFor(recordsAt, frameBytes(payloadBytes))
    const start = memory === this.#filled?.buffer ? HEADROOM_BYTES - recordsAt : 0
    const frame = memory.subarray(start, start + frameBytes(payloadBytes))
    writeBatchPrefix(frame, FRAME_HEADER_BYTES, { ...fields, count: this.count, noteBytes })
    if (fields.note !== undefined) frame.set(fields.note, recordsAt - noteBytes)
    return new SealedBatch({
      ...fields,
      codec: this.#codec,
      count: this.count,
      durability: this.durability,
      waiters: this.waiters,
      frame,
      payloadBytes,
      noteBytes,
      knownEnd: this.#filled?.end,
      done: () => this.#memory.give(memory),
    })
  }

  /** Memory for a frame of this size, in which the records stand already. */
  #memoryFor(recordsAt: number, frameBytes: number): Buffer {
    const filled = this.#filled
    if (filled !== undefined && recordsAt <= HEADROOM_BYTES) return filled.buffer
    const memory = this.#memory.take(frameBytes)
    if (filled === undefined) this.#encoder.copyTo(memory, recordsAt)
    else filled.buffer.copy(memory, recordsAt, HEADROOM_BYTES, HEADROOM_BYTES + filled.end.bytes)
    return memory
  }

  #emptied(): FrameEncoder<T> {
    this.#encoder.reset()
    return this.#encoder
  }
}

function recordTooLarge(bytes: number, maxRecordBytes: number): HoldfastError {
  return new HoldfastError(
    'RECORD_TOO_LARGE',
    `the record takes ${bytes} bytes encoded, and maxRecordBytes is ${maxRecordBytes}`,
    { outcome: 'not-written', details: { bytes, maxRecordBytes } },
  )
}
