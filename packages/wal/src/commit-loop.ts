import { type Clock, ioError, type HoldfastError, type Timer, type Timers } from '@holdfast/environment'
import type { CaptureQueue } from './capture-queue.ts'
import type { CommitConsumer } from './log.ts'
import type { LogState } from './log-state.ts'
import { LogWriter, type LogParts } from './log-writer.ts'
import type { SealedBatch } from './sealed-batch.ts'
import { UnsyncedBatches, type UnsyncedLimits } from './unsynced-batches.ts'

/** How long the log is idle before a mark says so. Until then a crash leaves the last batch to be written again. */
const IDLE_MARK_MS = 50
/** How often it is looked at the clock while records come: once for so many, or more where they come in groups. */
const RECORDS_PER_LOOK = 16

/**
 * When the log writes, and what: a sync that is due, a batch, or a mark once there has been nothing else for a
 * moment. It does all writing, one write at a time.
 *
 * What is submitted while a batch is being written forms the next one. A batch that is full is written at once,
 * before the last one is acted on. Any other is held open for the callers that the last one wakes, so that who
 * was woken together commits together: until as many have come as were woken, but no longer than a turn of the
 * event loop, and no longer than the last write took, since by then waiting costs more than a write would.
 */
export class CommitLoop<T, W> {
  readonly writer: LogWriter<T, W>
  readonly unsynced: UnsyncedBatches<T, W>
  readonly #queue: CaptureQueue<T, W>
  readonly #state: LogState
  readonly #consumer: CommitConsumer<T, W>
  readonly #timers: Timers
  readonly #clock: Clock
  readonly #walPath: string

  /** Committed batches that the consumer is still acting on. */
  #consuming = 0
  #pumping: Promise<void> | undefined
  /** The writer is at work. */
  #isBusy = false
  /** A batch is being written, or has been since it was looked at last. */
  #writing: Promise<void> | undefined
  #writeBegan = 0
  /** Milliseconds that the last write took. */
  #writeMs = Number.POSITIVE_INFINITY
  /** Those whom the last batch woke have come back once so many records have been captured since the start. */
  #expected = Number.POSITIVE_INFINITY
  /** Ends the waiting for more records, while there is any. */
  #endWait: (() => void) | undefined
  /** When it is to end at the latest, by the monotonic clock. */
  #waitUntil = 0
  /** How many had been captured when it was looked at the clock last. */
  #lookedAt = 0
  #markDue = false
  #idleTimer: Timer | undefined
  #warning: HoldfastError | undefined

  constructor(
    parts: LogParts<T, W>,
    queue: CaptureQueue<T, W>,
    state: LogState,
    options: UnsyncedLimits & { readonly machineVersion: number },
    lastSeq: number,
  ) {
    const { directory, consumer } = parts
    this.#queue = queue
    this.#state = state
    this.#consumer = consumer
    this.#timers = directory.environment.timers
    this.#clock = directory.environment.clock
    this.#walPath = directory.walPath
    this.unsynced = new UnsyncedBatches(options, this.#timers, () => this.wake())
    const { machineVersion } = options
    this.writer = new LogWriter(parts, queue, this.unsynced, state, { machineVersion, lastSeq })
  }

  /** The last failure of work in the background. */
  get warning(): HoldfastError | undefined {
    return this.#warning
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#pumping === undefined) {
      this.#start()
    } else if (!this.#isBusy && this.#isOverdue()) {
      this.#write()
      this.#endWait?.()
    } else if (this.#writeMs > 0 && this.#isComplete()) {
      this.#endWait?.()
    }
  }

  /** What is not synced is synced next. */
  syncNow(): void {
    this.unsynced.requestSync()
    this.wake()
  }

  async mark(): Promise<void> {
    try {
      await this.writer.mark()
    } catch (error) {
      // Nobody asked for the mark, so nobody is refused. The next batch is followed by another.
      if ((error as HoldfastError).code !== 'NO_SPACE') throw error
      this.warn(error as HoldfastError)
    }
  }

  /** A mark, where there is nothing else to be written or to be acted on, without waiting for a moment to pass. */
  async markIfIdle(): Promise<void> {
    const through = this.writer.durableSeq
    while (this.#isIdle() && this.writer.needsMark && this.writer.provenSeq < through) {
      this.#markDue = true
      this.wake()
      await this.#state.changed.next()
    }
  }

  #isIdle(): boolean {
    return this.#state.isOpen && this.#queue.isEmpty && this.#consuming === 0
  }

  /** Work in the background failed. A writer that was fenced off must stop; anything else is only worth knowing. */
  warn(error: HoldfastError): void {
    this.#warning = error
    this.#consumer.warned?.(error)
    if (error.code === 'FENCED') this.fail(error)
  }

  /** The log takes no more writes: whoever waits for one is told. */
  fail(error: HoldfastError): void {
    if (!this.#state.fail(error)) return
    for (const builder of this.#queue.clear()) {
      this.#consumer.rejected(builder.waiters, this.#state.failedError('not-written'))
    }
    this.unsynced.stop()
    this.#idleTimer?.cancel()
    this.#consumer.failed?.(error)
    this.#state.changed.emit()
  }

  /** Everything that was submitted is committed, synced and acted on; or the log has failed. */
  async drain(): Promise<void> {
    // Whoever is called by a getter of a record waits for that record, too: it is captured by then.
    await Promise.resolve()
    // It would write beside the last mark and the footer.
    this.#idleTimer?.cancel()
    while (this.#state.failure === undefined && this.#isActive()) {
      if (!this.unsynced.isEmpty) this.unsynced.requestSync()
      if (this.#hasWork()) this.wake()
      await this.#state.changed.next()
    }
  }

  /** No timer is left, and no write is under way. */
  async stop(): Promise<void> {
    this.unsynced.stop()
    // After a failure a write may still be under way.
    await this.#pumping
  }

  #isActive(): boolean {
    return (
      this.#pumping !== undefined || !this.#queue.isEmpty || !this.unsynced.isEmpty || this.#consuming > 0
    )
  }

  #hasWork(): boolean {
    return this.unsynced.isSyncDue || this.#canCommit() || this.#canMark()
  }

  /** The batch before the last must have been acted on: what came of it travels in the next one. */
  #canCommit(): boolean {
    return !this.#queue.isEmpty && this.#consuming < 2
  }

  #canMark(): boolean {
    return this.#markDue && this.#consuming === 0
  }

  #start(): void {
    if (this.#state.failure !== undefined) return
    this.#isBusy = false
    this.#expected = Number.POSITIVE_INFINITY
    this.#waitUntil = this.#clock.monotonic() + this.#writeMs
    this.#pumping = this.#pump()
      .catch((error: unknown) => {
        this.fail(ioError(error, { doing: 'write the log', path: this.#walPath, outcome: 'unknown' }))
      })
      .finally(() => {
        this.#pumping = undefined
        if (this.#hasWork()) this.wake()
        else this.#armIdleTimer()
        this.#state.changed.emit()
      })
  }

  async #pump(): Promise<void> {
    this.#idleTimer?.cancel()
    await this.#wait()
    while (this.#state.failure === undefined || this.#writing !== undefined) {
      if (this.#writing !== undefined) {
        await this.#written()
        await this.#wait()
      } else if (this.unsynced.isSyncDue) {
        await this.#alone(() => this.writer.sync())
      } else if (this.#canCommit()) {
        this.#write()
      } else if (this.#canMark()) {
        this.#markDue = false
        await this.#alone(() => this.mark())
      } else {
        break
      }
    }
    // Whoever comes before the end has been noticed is for the next round.
    this.#isBusy = true
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true
    await work()
    this.#isBusy = false
    this.#state.changed.emit()
  }

  /** Begins to write the batch that is next. On return the write is on its way, unless it takes a new segment or more space. */
  #write(): void {
    this.#isBusy = true
    this.#writeBegan = this.#clock.monotonic()
    this.#writing = this.writer.commit((batch) => this.#committed(batch))
  }

  /** What is being written has been, and whatever was begun meanwhile. */
  async #written(): Promise<void> {
    while (this.#writing !== undefined) {
      const writing: Promise<void> = this.#writing
      this.#writing = undefined
      await writing
      this.#state.changed.emit()
    }
    this.#isBusy = false
  }

  #committed(batch: SealedBatch<T, W>): void {
    this.#writeMs = this.#clock.monotonic() - this.#writeBegan
    this.#expected = this.#queue.captured + batch.count
    this.#consumer.carried?.(batch)
    this.#isBusy = false
    // Nobody can join it: the disk need not wait until this batch has been acted on.
    const isNextFull = this.#queue.first?.isFull === true && this.#consuming === 0
    if (isNextFull && !this.unsynced.isSyncDue) this.#write()
    this.#consume(batch)
    this.#waitUntil = this.#clock.monotonic() + this.#writeMs
  }

  /** For those who were woken to come back, or anybody in this turn. */
  async #wait(): Promise<void> {
    // A write that takes no time, as in memory, lets nothing else have its turn: without this one, nothing ever would.
    if (this.#writing !== undefined || (this.#writeMs > 0 && this.#isComplete())) return
    await new Promise<void>((resolve) => {
      this.#endWait = resolve
      this.#timers.turn(resolve)
    })
    this.#endWait = undefined
  }

  /** Nobody else can join the batch, or is waited for. */
  #isComplete(): boolean {
    return this.#queue.captured >= this.#expected || this.#queue.first?.isFull === true
  }

  /** A record was captured, and its batch is to be written without waiting for others. */
  #isOverdue(): boolean {
    const { first, captured } = this.#queue
    if (first?.isFull !== true && captured - this.#lookedAt < RECORDS_PER_LOOK) return false
    this.#lookedAt = captured
    if (this.#queue.isCapturing || !this.#canCommit() || this.unsynced.isSyncDue) return false
    return first?.isFull === true || this.#clock.monotonic() > this.#waitUntil
  }

  #consume(batch: SealedBatch<T, W>): void {
    // Counted from the start: acting on it may hand in more.
    this.#consuming += 1
    const consumed = this.#consumer.committed(batch)
    if (consumed === undefined) {
      this.#consuming -= 1
      batch.release()
      return
    }
    consumed.then(
      () => {
        this.#consuming -= 1
        batch.release()
        if (this.#hasWork()) this.wake()
        this.#state.changed.emit()
      },
      (error: unknown) =>
        this.fail(ioError(error, { doing: 'act on a committed batch', path: this.#walPath })),
    )
  }

  /** Nothing to do: if that lasts for a moment, a mark says how far the log is durable. */
  #armIdleTimer(): void {
    this.#idleTimer?.cancel()
    if (!this.#state.isOpen || !this.writer.needsMark) return
    this.#idleTimer = this.#timers.after(IDLE_MARK_MS, () => {
      this.#markDue = true
      this.wake()
    })
  }
}
