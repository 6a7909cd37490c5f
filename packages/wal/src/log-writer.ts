import { HoldfastError, timing } from '@holdfast/environment'
import { frameBytes } from '@holdfast/framing'
import { NOTE_MAX_BYTES, type BatchBuilder } from './batch-builder.ts'
import type { CaptureQueue } from './capture-queue.ts'
import { BATCH_PREFIX_BYTES } from './format.ts'
import type { CommitConsumer } from './log.ts'
import type { LogClock } from './log-clock.ts'
import type { LogState } from './log-state.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'
import type { SegmentRoller } from './segment-roller.ts'
import type { SealedBatch } from './sealed-batch.ts'
import type { FramedBatch, SegmentWriter } from './segment-writer.ts'
import type { StoreDirectory } from './store-directory.ts'
import type { UnsyncedBatches } from './unsynced-batches.ts'

const commitTiming = timing('commit')
const syncTiming = timing('sync')

/** What an open log is made of. */
export interface LogParts<T, W> {
  readonly directory: StoreDirectory
  readonly catalog: SegmentCatalog
  readonly roller: SegmentRoller
  readonly clock: LogClock
  readonly consumer: CommitConsumer<T, W>
}

/**
 * Writes to the log, and knows how far it got. It does one thing at a time: whoever calls it waits for that
 * to end before the next. What it throws ends the log, unless it says otherwise.
 */
export class LogWriter<T, W> {
  readonly #directory: StoreDirectory
  readonly #catalog: SegmentCatalog
  readonly #roller: SegmentRoller
  readonly #clock: LogClock
  readonly #consumer: CommitConsumer<T, W>
  readonly #queue: CaptureQueue<T, W>
  readonly #unsynced: UnsyncedBatches<T, W>
  readonly #state: LogState
  readonly #machineVersion: number

  #lastSeq: number
  #durableSeq: number
  /** What is on disk says that the log was durable to here; or there was no room to say so. */
  #provenSeq: number
  #appendedBytes = 0
  #batches = 0
  #syncs = 0

  constructor(
    parts: LogParts<T, W>,
    queue: CaptureQueue<T, W>,
    unsynced: UnsyncedBatches<T, W>,
    state: LogState,
    start: { readonly machineVersion: number; readonly lastSeq: number },
  ) {
    this.#directory = parts.directory
    this.#catalog = parts.catalog
    this.#roller = parts.roller
    this.#clock = parts.clock
    this.#consumer = parts.consumer
    this.#queue = queue
    this.#unsynced = unsynced
    this.#state = state
    this.#machineVersion = start.machineVersion
    this.#lastSeq = start.lastSeq
    this.#durableSeq = start.lastSeq
    this.#provenSeq = start.lastSeq
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  get durableSeq(): number {
    return this.#durableSeq
  }

  /** How far what is on disk says that it is durable. */
  get provenSeq(): number {
    return this.#provenSeq
  }

  /** It is durable further than what is on disk says. */
  get needsMark(): boolean {
    return this.#provenSeq < this.#durableSeq && this.#unsynced.isEmpty
  }

  get appendedBytes(): number {
    return this.#appendedBytes
  }

  get figures(): { appendedBytes: number; batches: number; syncs: number } {
    return { appendedBytes: this.#appendedBytes, batches: this.#batches, syncs: this.#syncs }
  }

  /** Seals the batch that is next, and writes it. `committed` is called once it has reached its level, and may begin the next; not where it is refused. */
  async commit(committed: (batch: SealedBatch<T, W>) => void): Promise<void> {
    const builder = this.#queue.first as BatchBuilder<T, W>
    const done = commitTiming.start(this.#directory.environment.clock)
    const note = this.#note('batch')
    const bytes = frameBytes(BATCH_PREFIX_BYTES + (note?.length ?? 0) + builder.bytes)
    const durableBefore = this.#roller.current?.hasUnsynced === true
    let segment: SegmentWriter
    try {
      // To wait is to write later.
      segment = this.#roller.currentFor(bytes) ?? (await this.#roller.segmentFor(bytes))
    } catch (cause) {
      const error = cause as HoldfastError
      const current = this.#roller.current
      // The rotation may have synced the old segment before it failed.
      if (durableBefore && current?.hasUnsynced === false) this.#setDurable(this.#lastSeq)
      if (error.code === 'NO_SPACE' && current?.broken === undefined) {
        this.#queue.take()
        this.#reject(builder, error)
        return
      }
      if (error.code === 'FENCED') throw error
      segment = await this.#move(error, [])
    }
    // Its records were rejected then.
    if (this.#state.failure !== undefined) return
    // A rotation syncs the old segment.
    if (durableBefore && !segment.hasUnsynced) this.#setDurable(this.#lastSeq)
    this.#queue.take()
    const batch = builder.seal({
      firstSeq: this.#lastSeq + 1,
      time: this.#clock.now(),
      durableSeq: this.#durableSeq,
      note,
      salt: segment.header.salt,
      machineVersion: this.#machineVersion,
    })
    try {
      await segment.append(batch, batch.durability)
    } catch (cause) {
      const error = cause as HoldfastError
      if (error.code === 'NO_SPACE' && segment.broken === undefined) {
        // What had been written was taken back, and that synced everything before it too.
        this.#setDurable(this.#lastSeq)
        this.#reject(builder, error)
        return
      }
      segment = await this.#move(error, [batch])
    }
    // Failed or fenced off meanwhile: what was written may count for nothing.
    if (this.#state.failure !== undefined) {
      this.#consumer.rejected(batch.waiters, this.#state.failedError('unknown'))
      return
    }
    this.#queue.settle(builder)
    this.#lastSeq = batch.lastSeq
    this.#provenSeq = Math.max(this.#provenSeq, batch.durableSeq)
    this.#appendedBytes += batch.frame.length
    this.#batches += 1
    const newest = this.#catalog.newest as CatalogSegment
    newest.countedBytes = segment.last.offset
    newest.bytes = segment.bytes
    if (segment.hasUnsynced) {
      this.#unsynced.add(batch)
    } else {
      this.#setDurable(batch.lastSeq)
      batch.release()
    }
    done?.({ records: batch.count, bytes: batch.frame.length, durability: batch.durability })
    committed(batch)
    this.#roller.lookAhead(batch.frame.length)
  }

  /** Syncs what is not synced yet: there is something, and a segment that it is in. */
  async sync(): Promise<void> {
    const segment = this.#roller.current as SegmentWriter
    const done = syncTiming.start(this.#directory.environment.clock)
    const { bytes } = this.#unsynced
    this.#syncs += 1
    try {
      await segment.sync()
      this.#setDurable(this.#lastSeq)
    } catch (cause) {
      await this.#move(cause as HoldfastError, [])
    }
    done?.({ bytes })
  }

  /** Says in the segment how far the log is durable. Throws `NO_SPACE` where there is no room for that: the log goes on. */
  async mark(): Promise<void> {
    const segment = this.#roller.current
    if (segment === undefined || !this.#queue.isEmpty || segment.hasUnsynced) return
    this.#provenSeq = this.#durableSeq
    const note = this.#note('mark')
    try {
      this.#appendedBytes += await segment.mark(this.#durableSeq, this.#clock.now(), note)
    } catch (cause) {
      const error = cause as HoldfastError
      if (error.code === 'NO_SPACE' && segment.broken === undefined) throw error
      await this.#move(error, [], note)
    }
  }

  #note(kind: 'batch' | 'mark'): Uint8Array | undefined {
    const note = this.#consumer.note?.(kind)
    if (note !== undefined && note.length > NOTE_MAX_BYTES) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `a note takes at most ${NOTE_MAX_BYTES} bytes, not ${note.length}`,
      )
    }
    return note
  }

  #reject(builder: BatchBuilder<T, W>, cause: HoldfastError): void {
    const error = new HoldfastError('NO_SPACE', `there is no room for a batch of ${builder.bytes} bytes`, {
      path: cause.path,
      outcome: 'not-written',
      cause,
    })
    this.#queue.settle(builder)
    this.#consumer.rejected(builder.waiters, error)
  }

  /**
   * The segment is broken. Every batch that is not durable goes, in order, to a new one behind the last
   * durable batch. If that fails too, so does the log. The mark behind them says that they are durable, and `note`; of
   * what comes of them another mark has to tell, once the log is idle.
   */
  async #move(
    error: HoldfastError,
    inFlight: SealedBatch<T, W>[],
    note?: Uint8Array,
  ): Promise<SegmentWriter> {
    const from = this.#roller.current?.path ?? this.#directory.walPath
    const batches = [...this.#unsynced.batches, ...inFlight]
    const resealed = (salt: number): Iterable<FramedBatch> => {
      for (const batch of batches) batch.reseal(salt)
      return batches
    }
    try {
      const segment = await this.#roller.publish(resealed, { time: this.#clock.now(), note })
      this.#setDurable(batches.at(-1)?.lastSeq ?? this.#lastSeq)
      this.#consumer.moved?.({ from, to: segment.path, error })
      return segment
    } catch (second) {
      const failure = new HoldfastError(
        'FAILED',
        `writing failed, and so did moving to a new segment: ${(second as Error).message}`,
        {
          path: from,
          outcome: 'unknown',
          cause: error,
          details: { second },
        },
      )
      for (const batch of inFlight) this.#consumer.rejected(batch.waiters, failure)
      throw failure
    }
  }

  #setDurable(seq: number): void {
    if (seq > this.#durableSeq) {
      this.#durableSeq = seq
      this.#consumer.durable?.(seq)
    }
    this.#unsynced.clear()
  }
}
