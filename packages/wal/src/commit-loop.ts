import { ioError, type HoldfastError, type Timer, type Timers } from '@holdfast/environment'
import type { CaptureQueue } from './capture-queue.ts'
import type { CommitConsumer } from './log.ts'
import type { LogState } from './log-state.ts'
import { LogWriter, type LogParts } from './log-writer.ts'
import type { SealedBatch } from './sealed-batch.ts'
import { UnsyncedBatches, type UnsyncedLimits } from './unsynced-batches.ts'

/** How long the log is idle before a mark says so. Until then a crash leaves the last batch to be written again. */
const IDLE_MARK_MS = 50
/** With more than this already waiting, the next write does not wait for callers that the last one woke. */
const OVERLAP_BYTES = 64 * 1024

/**
 * When the log writes, and what: a sync that is due, a batch, or a mark once there has been nothing else for a
 * moment. It does all writing, one write at a time. What is submitted while a batch is being written forms the
 * next one; what callers submit in the turn in which they were woken joins it, because the loop lets a turn of
 * the event loop pass before it seals.
 */
export class CommitLoop<T, W> {
  readonly writer: LogWriter<T, W>
  readonly unsynced: UnsyncedBatches<T, W>
  readonly #queue: CaptureQueue<T, W>
  readonly #state: LogState
  readonly #consumer: CommitConsumer<T, W>
  readonly #timers: Timers
  readonly #walPath: string

  /** Committed batches that the consumer is still acting on. */
  #consuming = 0
  #scheduled = false
  #pumping: Promise<void> | undefined
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
    if (this.#scheduled || this.#pumping !== undefined || this.#state.failure !== undefined) return
    this.#scheduled = true
    this.#timers.turn(() => {
      this.#scheduled = false
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
    })
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
    // It would write beside the last mark and the footer.
    this.#idleTimer?.cancel()
    while (this.#state.failure === undefined && this.#isBusy()) {
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

  #isBusy(): boolean {
    return (
      this.#pumping !== undefined ||
      this.#scheduled ||
      !this.#queue.isEmpty ||
      !this.unsynced.isEmpty ||
      this.#consuming > 0
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

  async #pump(): Promise<void> {
    this.#idleTimer?.cancel()
    while (this.#state.failure === undefined) {
      if (this.unsynced.isSyncDue) {
        await this.writer.sync()
      } else if (this.#canCommit()) {
        await this.writer.commit((batch) => this.#consume(batch))
        if (this.#queue.lastBytes < OVERLAP_BYTES) await this.#turn()
      } else if (this.#canMark()) {
        this.#markDue = false
        await this.mark()
      } else {
        return
      }
      this.#state.changed.emit()
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#timers.turn(resolve)
    })
  }

  #consume(batch: SealedBatch<T, W>): void {
    const consumed = this.#consumer.committed(batch)
    if (consumed === undefined) {
      batch.release()
      return
    }
    this.#consuming += 1
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
