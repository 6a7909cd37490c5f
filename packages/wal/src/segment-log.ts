import type { Codec } from '@holdfast/codec'
import {
  HoldfastError,
  ioError,
  timing,
  type Environment,
  type Timer,
  type WriteOutcome,
} from '@holdfast/environment'
import { frameBytes } from '@holdfast/framing'
import { NOTE_MAX_BYTES, type BatchBuilder, type SealedBatch } from './batch-builder.ts'
import { SegmentReader } from './batch-reader.ts'
import { CaptureQueue } from './capture-queue.ts'
import { copySegments } from './copy-segments.ts'
import { BATCH_PREFIX_BYTES } from './format.ts'
import type { LogClock } from './log-clock.ts'
import type { Batch, BatchRange, CommitConsumer, Durability, Log, LogStats } from './log.ts'
import { Signal } from './signal.ts'
import { removeFiles } from './remove-files.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'
import type { SegmentRoller } from './segment-roller.ts'
import type { FramedBatch, SegmentWriter } from './segment-writer.ts'
import type { StoreDirectory } from './store-directory.ts'

/** How long the log is idle before a mark says so. Until then a crash leaves the last batch to be written again. */
const IDLE_MARK_MS = 50
/** With more than this already waiting, the next write does not wait for callers that the last one woke. */
const OVERLAP_BYTES = 64 * 1024

const commitTiming = timing('commit')
const syncTiming = timing('sync')

/** Limits of an open log; all of them are required here, `LogDirectory` has the defaults. */
export interface SegmentLogOptions {
  readonly machineVersion: number
  readonly syncIntervalMs: number
  readonly maxRecordBytes: number
  readonly maxQueuedBytes: number
  readonly maxUnsyncedBytes: number
}

/**
 * The log on local files: group commit into one segment after another.
 *
 * One loop (`#pump`) does all writing, one write at a time. What is submitted while a batch is being
 * written forms the next one; what callers submit in the turn in which they were woken joins it, because
 * the loop lets a turn of the event loop pass before it seals.
 */
export class SegmentLog<T, W> implements Log<T, W> {
  readonly #directory: StoreDirectory
  readonly #environment: Environment
  readonly #catalog: SegmentCatalog
  readonly #roller: SegmentRoller
  readonly #clock: LogClock
  readonly #consumer: CommitConsumer<T, W>
  readonly #options: SegmentLogOptions

  readonly #queue: CaptureQueue<T, W>
  /** Acknowledged at level `os` and not synced: kept, so that they can be written again if the sync fails. */
  #unsynced: SealedBatch<T, W>[] = []
  #unsyncedBytes = 0
  /** No longer in the catalog, and not removed yet. */
  readonly #trimmed: CatalogSegment[] = []
  #lastSeq: number
  #durableSeq: number
  /** What is on disk says that the log was durable to here; or there was no room to say so. */
  #provenSeq: number
  #appendedBytes = 0
  #batches = 0
  #syncs = 0
  /** Committed batches that the consumer is still acting on. */
  #consuming = 0

  #state: 'open' | 'closing' | 'closed' | 'failed' = 'open'
  #failure: HoldfastError | undefined
  #closing: Promise<void> | undefined
  #scheduled = false
  #pumping: Promise<void> | undefined
  #syncDue = false
  #markDue = false
  #syncTimer: Timer | undefined
  #idleTimer: Timer | undefined
  #warning: HoldfastError | undefined
  /** Something changed that callers may be waiting for: room, durability, the end. */
  readonly #changed: Signal = new Signal()

  constructor(
    directory: StoreDirectory,
    catalog: SegmentCatalog,
    roller: SegmentRoller,
    clock: LogClock,
    codec: Codec<T>,
    consumer: CommitConsumer<T, W>,
    options: SegmentLogOptions,
    lastSeq: number,
  ) {
    this.#directory = directory
    this.#environment = directory.environment
    this.#catalog = catalog
    this.#roller = roller
    this.#clock = clock
    this.#queue = new CaptureQueue(codec, options)
    this.#consumer = consumer
    this.#options = options
    this.#lastSeq = lastSeq
    this.#durableSeq = lastSeq
    this.#provenSeq = lastSeq
  }

  get firstSeq(): number {
    return this.#catalog.firstSeq
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  get durableSeq(): number {
    return this.#durableSeq
  }

  get queuedBytes(): number {
    return this.#queue.bytes
  }

  submit(record: T, durability: Durability, waiter: W): void {
    this.#assertWritable()
    this.#queue.capture(record, durability, waiter)
    this.#wake()
  }

  submitAll(records: readonly T[], durability: Durability, waiters: readonly W[]): void {
    this.#assertWritable()
    this.#queue.captureAll(records, durability, waiters)
    this.#wake()
  }

  async ready(): Promise<void> {
    while (!this.#queue.hasRoom) {
      this.#assertWritable()
      await this.#changed.next()
    }
    this.#assertWritable()
  }

  async sync(throughSeq?: number): Promise<number> {
    const target = this.#queue.captured
    while (throughSeq === undefined && this.#queue.settled < target) {
      this.#assertNotFailed()
      await this.#changed.next()
    }
    const seq = Math.min(throughSeq ?? this.#lastSeq, this.#lastSeq)
    while (this.#durableSeq < seq) {
      this.#assertNotFailed()
      this.#syncDue = true
      this.#wake()
      await this.#changed.next()
    }
    this.#assertNotFailed()
    return this.#durableSeq
  }

  async *batches(range: BatchRange): AsyncGenerator<Batch, void, undefined> {
    const { signal, follow = false } = range
    assertSeq('after', range.after)
    const through = range.through ?? (follow ? Number.POSITIVE_INFINITY : this.#durableSeq)
    let next = range.after + 1
    if (next < this.firstSeq) this.#catalog.holding(next, this.#directory.walPath)
    let reader: SegmentReader | undefined
    try {
      while (next <= through) {
        if (signal?.aborted) return
        const limit = Math.min(through, this.#durableSeq)
        if (next > limit) {
          if (!follow || this.#state === 'closed' || this.#state === 'failed') return
          await this.#changed.next(signal)
          continue
        }
        const segment = this.#catalog.holding(next, this.#directory.walPath)
        if (segment === undefined) return
        if (segment !== reader?.segment) {
          await reader?.close()
          reader = undefined
          reader = await SegmentReader.open(this.#environment, segment, next)
        }
        for await (const batch of reader.batches(next, Math.min(limit, segment.lastSeq ?? limit))) {
          next = batch.lastSeq + 1
          yield batch
        }
      }
    } finally {
      await reader?.close()
    }
  }

  async trim(throughSeq: number): Promise<{ firstSeq: number; segments: number; bytes: number }> {
    this.#assertWritable()
    assertSeq('throughSeq', throughSeq)
    const trimmed: CatalogSegment[] = []
    let failure: unknown
    this.#roller.inBackground(async () => {
      try {
        const removed = this.#catalog.upTo(Math.min(throughSeq, this.#durableSeq))
        this.#catalog.remove(removed)
        // What an earlier trim could not finish is tried again.
        this.#trimmed.push(...removed)
        if (this.#trimmed.length === 0) return
        // A file is named no longer, durably, before it goes: one that is named and missing is damage.
        await this.#roller.saveCatalog()
        await removeFiles(this.#environment, this.#directory.walPath, this.#trimmed)
        trimmed.push(...this.#trimmed.splice(0))
      } catch (cause) {
        failure = cause
      }
    })
    await this.#roller.settled()
    if (failure !== undefined) {
      const error = ioError(failure, { doing: 'trim the log', path: this.#directory.walPath })
      if (error.code === 'FENCED') this.#fail(error)
      throw error
    }
    const bytes = trimmed.reduce((sum, segment) => sum + segment.bytes, 0)
    return { firstSeq: this.firstSeq, segments: trimmed.length, bytes }
  }

  /** Copies every segment up to `durableSeq` into a directory of another store; writes go on. See `copySegments`. */
  async backup(targetWalPath: string): ReturnType<typeof copySegments> {
    await this.sync()
    await this.#roller.settled()
    const durable = this.#roller.current?.durable
    return copySegments(this.#environment, this.#catalog, targetWalPath, durable)
  }

  stats(): LogStats {
    return {
      firstSeq: this.firstSeq,
      lastSeq: this.#lastSeq,
      durableSeq: this.#durableSeq,
      epoch: this.#directory.epoch,
      segments: this.#catalog.segments.length,
      bytes: this.#catalog.bytes,
      appendedBytes: this.#appendedBytes,
      batches: this.#batches,
      syncs: this.#syncs,
      rotations: this.#roller.rotations,
      queuedBytes: this.#queue.bytes,
      unsyncedBytes: this.#unsyncedBytes,
      warning: this.#warning,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Work in the background failed. A writer that was fenced off must stop; anything else is only worth knowing. */
  warn(error: HoldfastError): void {
    this.#warning = error
    this.#consumer.warned?.(error)
    if (error.code === 'FENCED') this.#fail(error)
  }

  #assertWritable(): void {
    this.#assertNotFailed()
    if (this.#state !== 'open')
      throw new HoldfastError('CLOSED', 'the log is closed', { outcome: 'not-written' })
  }

  #assertNotFailed(): void {
    if (this.#failure !== undefined) throw this.#failedError('not-written')
  }

  #failedError(outcome: WriteOutcome): HoldfastError {
    const what = outcome === 'unknown' ? 'while this was written' : 'and takes no more writes'
    return new HoldfastError('FAILED', `the log has failed ${what}`, { outcome, cause: this.#failure })
  }

  #wake(): void {
    if (this.#scheduled || this.#pumping !== undefined || this.#failure !== undefined) return
    this.#scheduled = true
    this.#environment.timers.turn(() => {
      this.#scheduled = false
      if (this.#pumping !== undefined || this.#failure !== undefined) return
      this.#pumping = this.#pump()
        .catch((error: unknown) => {
          this.#fail(
            ioError(error, { doing: 'write the log', path: this.#directory.walPath, outcome: 'unknown' }),
          )
        })
        .finally(() => {
          this.#pumping = undefined
          if (this.#hasWork()) this.#wake()
          else this.#armIdleTimer()
          this.#changed.emit()
        })
    })
  }

  #hasWork(): boolean {
    return (
      this.#canCommit() ||
      (this.#markDue && this.#consuming === 0) ||
      (this.#syncDue && this.#unsynced.length > 0)
    )
  }

  /** The batch before the last must have been acted on: what came of it travels in the next one. */
  #canCommit(): boolean {
    return !this.#queue.isEmpty && this.#consuming < 2
  }

  async #pump(): Promise<void> {
    this.#idleTimer?.cancel()
    while (this.#failure === undefined) {
      if (
        this.#unsynced.length > 0 &&
        (this.#syncDue || this.#unsyncedBytes >= this.#options.maxUnsyncedBytes)
      ) {
        await this.#sync()
      } else if (this.#canCommit()) {
        await this.#commit()
        if (this.#queue.lastBytes < OVERLAP_BYTES) await this.#turn()
      } else if (this.#markDue && this.#consuming === 0) {
        this.#markDue = false
        await this.#mark()
      } else {
        return
      }
      this.#changed.emit()
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#environment.timers.turn(resolve)
    })
  }

  async #commit(): Promise<void> {
    const builder = this.#queue.first as BatchBuilder<T, W>
    const done = commitTiming.start(this.#environment.clock)
    const note = this.#note('batch')
    const durableBefore = this.#roller.current?.hasUnsynced === true
    let segment: SegmentWriter
    try {
      segment = await this.#roller.segmentFor(
        frameBytes(BATCH_PREFIX_BYTES + (note?.length ?? 0) + builder.bytes),
      )
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
    if (this.#failure !== undefined) return
    // A rotation syncs the old segment.
    if (durableBefore && !segment.hasUnsynced) this.#setDurable(this.#lastSeq)
    this.#queue.take()
    const batch = builder.seal({
      firstSeq: this.#lastSeq + 1,
      time: this.#clock.now(),
      durableSeq: this.#durableSeq,
      note,
      salt: segment.header.salt,
      machineVersion: this.#options.machineVersion,
    })
    try {
      await segment.append(batch, batch.durability)
    } catch (cause) {
      const error = cause as HoldfastError
      if (error.code === 'NO_SPACE' && segment.broken === undefined) {
        if (!segment.hasUnsynced) this.#setDurable(this.#lastSeq)
        this.#reject(builder, error)
        return
      }
      segment = await this.#move(error, [batch])
    }
    // Failed or fenced off meanwhile: what was written may count for nothing.
    if (this.#failure !== undefined) {
      this.#consumer.rejected(batch.waiters, this.#failedError('unknown'))
      return
    }
    this.#queue.settle(builder)
    this.#lastSeq = batch.lastSeq
    this.#provenSeq = Math.max(this.#provenSeq, batch.durableSeq)
    this.#appendedBytes += batch.frame.length
    this.#batches += 1
    const newest = this.#catalog.newest
    if (newest !== undefined) {
      newest.countedBytes = segment.last.offset
      newest.bytes = segment.bytes
    }
    if (segment.hasUnsynced) {
      this.#unsynced.push(batch)
      this.#unsyncedBytes += batch.frame.length
      this.#syncTimer ??= this.#environment.timers.after(this.#options.syncIntervalMs, () => {
        this.#syncTimer = undefined
        this.#syncDue = true
        this.#wake()
      })
    } else {
      this.#setDurable(batch.lastSeq)
    }
    done?.({ records: batch.count, bytes: batch.frame.length, durability: batch.durability })
    this.#consume(batch)
    this.#roller.lookAhead(batch.frame.length)
  }

  #consume(batch: SealedBatch<T, W>): void {
    const consumed = this.#consumer.committed(batch)
    if (consumed === undefined) return
    this.#consuming += 1
    consumed.then(
      () => {
        this.#consuming -= 1
        if (this.#hasWork()) this.#wake()
        this.#changed.emit()
      },
      (error: unknown) =>
        this.#fail(ioError(error, { doing: 'act on a committed batch', path: this.#directory.walPath })),
    )
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
    this.#queue.settle(builder)
    const error = new HoldfastError('NO_SPACE', `there is no room for a batch of ${builder.bytes} bytes`, {
      path: cause.path,
      outcome: 'not-written',
      cause,
    })
    this.#consumer.rejected(builder.waiters, error)
  }

  async #sync(): Promise<void> {
    const segment = this.#roller.current
    if (segment === undefined) return
    const done = syncTiming.start(this.#environment.clock)
    this.#syncs += 1
    try {
      await segment.sync()
      this.#setDurable(this.#lastSeq)
    } catch (cause) {
      await this.#move(cause as HoldfastError, [])
    }
    done?.({ bytes: this.#unsyncedBytes })
  }

  async #mark(): Promise<void> {
    const segment = this.#roller.current
    if (segment === undefined || !this.#queue.isEmpty || segment.hasUnsynced) return
    this.#provenSeq = this.#durableSeq
    try {
      this.#appendedBytes += await segment.mark(this.#durableSeq, this.#clock.now(), this.#note('mark'))
    } catch (cause) {
      const error = cause as HoldfastError
      // Nobody asked for the mark, so nobody is refused. The next batch is followed by another.
      if (error.code === 'NO_SPACE' && segment.broken === undefined) this.warn(error)
      else await this.#move(error, [])
    }
  }

  /**
   * The segment is broken. Every batch that is not durable goes, in order, to a new one behind the last
   * durable batch. If that fails too, so does the log.
   */
  async #move(error: HoldfastError, inFlight: SealedBatch<T, W>[]): Promise<SegmentWriter> {
    const from = this.#roller.current?.path ?? this.#directory.walPath
    const batches = [...this.#unsynced, ...inFlight]
    const resealed = (salt: number): Iterable<FramedBatch> => {
      for (const batch of batches) batch.reseal(salt)
      return batches
    }
    try {
      const segment = await this.#roller.publish(resealed, { time: this.#clock.now(), note: undefined })
      this.#setDurable(batches.at(-1)?.lastSeq ?? this.#lastSeq)
      this.#provenSeq = this.#durableSeq
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
    this.#unsynced = []
    this.#unsyncedBytes = 0
    this.#syncDue = false
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
  }

  /** Nothing to do: if that lasts for a moment, a mark says how far the log is durable. */
  #armIdleTimer(): void {
    this.#idleTimer?.cancel()
    if (this.#state === 'open' && this.#provenSeq < this.#durableSeq && this.#unsynced.length === 0) {
      this.#idleTimer = this.#environment.timers.after(IDLE_MARK_MS, () => {
        this.#markDue = true
        this.#wake()
      })
    }
  }

  #fail(error: HoldfastError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    if (this.#state === 'open') this.#state = 'failed'
    for (const builder of this.#queue.clear()) {
      this.#consumer.rejected(builder.waiters, this.#failedError('not-written'))
    }
    this.#syncTimer?.cancel()
    this.#idleTimer?.cancel()
    this.#consumer.failed?.(error)
    this.#changed.emit()
  }

  async #close(): Promise<void> {
    const failedBefore = this.#failure !== undefined
    this.#state = 'closing'
    // It would write beside the last mark and the footer.
    this.#idleTimer?.cancel()
    try {
      while (this.#failure === undefined && this.#isBusy()) {
        this.#syncDue = this.#unsynced.length > 0
        if (this.#hasWork()) this.#wake()
        await this.#changed.next()
      }
      if (this.#failure === undefined) await this.#closeCleanly()
      // Each write that failed was refused then and there. Nobody has heard yet of what was acknowledged at
      // level `os` and is not durable: to return here would say that it is.
      else if (!failedBefore || this.#durableSeq < this.#lastSeq) throw this.#failure
    } finally {
      this.#syncTimer?.cancel()
      // After a failure a write may still be under way.
      await this.#pumping
      await this.#roller.abandon()
      this.#state = 'closed'
      this.#changed.emit()
    }
  }

  #isBusy(): boolean {
    return (
      this.#pumping !== undefined ||
      this.#scheduled ||
      !this.#queue.isEmpty ||
      this.#unsynced.length > 0 ||
      this.#consuming > 0
    )
  }

  async #closeCleanly(): Promise<void> {
    try {
      await this.#mark()
    } catch (error) {
      this.#fail(error as HoldfastError)
      throw error
    }
    await this.#roller.settled()
    const prepared = await this.#roller.takePrepared()
    await this.#roller.sealCurrent().catch((error: unknown) => this.warn(error as HoldfastError))
    await this.#roller.saveCatalog({ clean: { durableSeq: this.#durableSeq, epoch: this.#directory.epoch } })
    if (prepared !== undefined) {
      await this.#environment.files.unlink(prepared.path).catch(() => {})
    }
  }
}

function assertSeq(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `${name} is a sequence, a whole number from 0 on, not ${String(value)}`,
    { details: { argument: name, value } },
  )
}
