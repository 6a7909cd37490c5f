import type { Codec, FrameEncoder } from '@holdfast/codec'
import { HoldfastError } from '@holdfast/environment'
import { BatchBuilder, type Group, MAX_GROUP_BYTES } from './batch-builder.ts'
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
  #isCapturing = false

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

  /** A record is being captured: whoever asks is called by a getter of it, and may take nothing. */
  get isCapturing(): boolean {
    return this.#isCapturing
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

  /** Throws `OVERLOADED`, or what the codec and the limit on a record say. */
  capture(record: T, durability: Durability, waiter: W): void {
    this.#begin()
    try {
      const last = this.#open.at(-1)
      const builder = last === undefined || last.isFull ? this.#builder() : last
      const bytes = builder.add(record, durability, waiter, this.#limits.maxRecordBytes)
      // One that captured nothing must not be left in the queue.
      if (builder !== last) this.#open.push(builder)
      this.#count(builder, 1, bytes)
    } finally {
      this.#isCapturing = false
    }
  }

  /** The same for records that share a frame; `details.index` says which one was refused. Also throws `BATCH_TOO_LARGE`. */
  captureAll(records: readonly T[], durability: Durability, waiters: readonly W[]): void {
    if (records.length === 0 || records.length !== waiters.length) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `a batch takes one waiter for each record and at least one record, not ${records.length} and ${waiters.length}`,
      )
    }
    this.#begin()
    try {
      const { maxRecordBytes } = this.#limits
      // A getter of one of them may change the caller's list.
      this.#captureGroup({ records: [...records], durability, waiters, maxRecordBytes })
    } finally {
      this.#isCapturing = false
    }
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

  /** With what others captured, where there is room for it; or in a batch of its own. */
  #captureGroup(group: Group<T, W>): void {
    const last = this.#open.at(-1)
    const joined = last?.isFull === false ? last.joinGroup(group) : undefined
    if (joined !== undefined) {
      this.#count(last as BatchBuilder<T, W>, group.records.length, joined)
      return
    }
    const builder = this.#builder()
    const bytes = builder.addGroup(group, MAX_GROUP_BYTES)
    if (bytes === undefined) {
      throw new HoldfastError(
        'BATCH_TOO_LARGE',
        `${group.records.length} records take more than the ${MAX_GROUP_BYTES} bytes that one batch holds`,
        { outcome: 'not-written' },
      )
    }
    // Nothing more comes into the one before it.
    if (last?.isFull === false) this.#keep(last.fill())
    this.#open.push(builder)
    this.#count(builder, group.records.length, bytes)
  }

  #count(builder: BatchBuilder<T, W>, records: number, bytes: number): void {
    this.#bytes += bytes
    this.#captured += records
    if (builder.isFull) this.#fill(builder)
  }

  /** What is captured stays captured where there is no memory for it now: sealing asks again. */
  #fill(builder: BatchBuilder<T, W>): void {
    try {
      this.#keep(builder.fill())
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }

  #keep(encoder: FrameEncoder<T> | undefined): void {
    if (encoder !== undefined && this.#spare.length < SPARE_ENCODERS) this.#spare.push(encoder)
  }

  #builder(): BatchBuilder<T, W> {
    return new BatchBuilder(this.#codec, this.#spare.pop() ?? this.#codec.encoder(), this.#memory)
  }

  #begin(): void {
    if (this.#isCapturing) {
      throw new HoldfastError('INVALID_ARGUMENT', 'a getter of the record being captured handed in another', {
        outcome: 'not-written',
      })
    }
    if (!this.hasRoom) {
      throw new HoldfastError(
        'OVERLOADED',
        `${this.#bytes} bytes are queued, and maxQueuedBytes is ${this.#limits.maxQueuedBytes}`,
        { outcome: 'not-written', details: { queuedBytes: this.#bytes } },
      )
    }
    this.#isCapturing = true
  }
}
