import type { Codec, FrameEncoder } from '@holdfast/codec'
import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import { BatchBuilder, MAX_BATCH_BYTES, NOTE_MAX_BYTES } from './batch-builder.ts'
import { FrameMemory } from './frame-memory.ts'
import type { Durability } from './log.ts'

/** One batch is captured while another is written. */
const SPARE_ENCODERS = 2

export interface CaptureLimits {
  readonly maxRecordBytes: number
  readonly maxQueuedBytes: number
}

/**
 * Records that were handed in and are not settled yet: captured into batches that are open, and then in the
 * batch that is being written. Whatever throws here has captured nothing.
 */
export class CaptureQueue<T, W> {
  readonly #codec: Codec<T>
  readonly #limits: CaptureLimits
  /** Not taken yet; records go to the last one. */
  readonly #open: BatchBuilder<T, W>[] = []
  /** Encoders of batches that are settled: their memory is there already. */
  readonly #spare: FrameEncoder<T>[] = []
  readonly #memory = new FrameMemory()
  #bytes = 0
  #captured = 0
  #settled = 0

  constructor(codec: Codec<T>, limits: CaptureLimits) {
    this.#codec = codec
    this.#limits = limits
  }

  /** Encoded bytes that are not settled. */
  get bytes(): number {
    return this.#bytes
  }

  /** Records captured since the start. */
  get captured(): number {
    return this.#captured
  }

  /** Records since the start that were committed or rejected. */
  get settled(): number {
    return this.#settled
  }

  get hasRoom(): boolean {
    return this.#bytes < this.#limits.maxQueuedBytes
  }

  get isEmpty(): boolean {
    return this.#open.length === 0
  }

  /** The batch that is written next. */
  get first(): BatchBuilder<T, W> | undefined {
    return this.#open[0]
  }

  /** Bytes in the batch that records go to. */
  get lastBytes(): number {
    return this.#open.at(-1)?.bytes ?? 0
  }

  /** Throws `OVERLOADED`, or what the codec and the limit on a record say. */
  capture(record: T, durability: Durability, waiter: W): void {
    this.#assertRoom()
    const last = this.#open.at(-1)
    const builder = last === undefined || last.isFull ? this.#builder() : last
    this.#bytes += builder.add(record, durability, waiter, this.#limits.maxRecordBytes)
    this.#captured += 1
    // One that captured nothing must not be left in the queue.
    if (builder !== last) this.#open.push(builder)
    if (builder.isFull) this.#keep(builder.fill())
  }

  /** The same for records that share a frame; `details.index` says which one was refused. Also throws `BATCH_TOO_LARGE`. */
  captureAll(records: readonly T[], durability: Durability, waiters: readonly W[]): void {
    if (records.length === 0 || records.length !== waiters.length) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `a batch takes one waiter for each record and at least one record, not ${records.length} and ${waiters.length}`,
      )
    }
    this.#assertRoom()
    // A batch of its own: if a record is refused half-way, all of it goes, and nothing that others captured.
    const builder = this.#builder()
    for (const [i, record] of records.entries()) {
      try {
        builder.add(record, durability, waiters[i] as W, this.#limits.maxRecordBytes)
      } catch (error) {
        throw isHoldfastError(error)
          ? Object.assign(error, { details: { ...error.details, index: i } })
          : error
      }
      if (builder.bytes > MAX_BATCH_BYTES - NOTE_MAX_BYTES) {
        throw new HoldfastError(
          'BATCH_TOO_LARGE',
          `the first ${i + 1} of ${records.length} records take ${builder.bytes} bytes, and one batch holds ${MAX_BATCH_BYTES - NOTE_MAX_BYTES}`,
          { outcome: 'not-written' },
        )
      }
    }
    this.#bytes += builder.bytes
    this.#captured += records.length
    this.#open.push(builder)
    if (builder.isFull) this.#keep(builder.fill())
  }

  /** Takes the first batch out: nothing more is captured into it. It goes on counting until it is settled. */
  take(): void {
    this.#open.shift()
  }

  /** What was taken has been committed or rejected. Its builder is of no use any more. */
  settle(builder: BatchBuilder<T, W>): void {
    this.#bytes -= builder.bytes
    this.#settled += builder.count
    this.#keep(builder.release())
  }

  /** Empties it: everything counts as settled. Returns the batches that were not taken. */
  clear(): BatchBuilder<T, W>[] {
    this.#bytes = 0
    this.#settled = this.#captured
    return this.#open.splice(0)
  }

  #keep(encoder: FrameEncoder<T> | undefined): void {
    if (encoder !== undefined && this.#spare.length < SPARE_ENCODERS) this.#spare.push(encoder)
  }

  #builder(): BatchBuilder<T, W> {
    return new BatchBuilder(this.#codec, this.#spare.pop() ?? this.#codec.encoder(), this.#memory)
  }

  #assertRoom(): void {
    if (this.hasRoom) return
    throw new HoldfastError(
      'OVERLOADED',
      `${this.#bytes} bytes are queued, and maxQueuedBytes is ${this.#limits.maxQueuedBytes}`,
      { outcome: 'not-written', details: { queuedBytes: this.#bytes } },
    )
  }
}
