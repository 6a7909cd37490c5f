import type { Timer, Timers } from '@holdfast/environment'
import type { SealedBatch } from './sealed-batch.ts'

export interface UnsyncedLimits {
  readonly syncIntervalMs: number
  readonly maxUnsyncedBytes: number
}

/**
 * Batches that were acknowledged at level `os` and are not synced: kept, so that they can be written again if
 * the sync fails, and synced once the first of them is old enough, or all of them are too many.
 */
export class UnsyncedBatches<T, W> {
  readonly #limits: UnsyncedLimits
  readonly #timers: Timers
  readonly #due: () => void
  #batches: SealedBatch<T, W>[] = []
  #bytes = 0
  #isRequested = false
  #timer: Timer | undefined

  /** `due` is called when the first of them has waited for `syncIntervalMs`. */
  constructor(limits: UnsyncedLimits, timers: Timers, due: () => void) {
    this.#limits = limits
    this.#timers = timers
    this.#due = due
  }

  get batches(): readonly SealedBatch<T, W>[] {
    return this.#batches
  }

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  get isSyncDue(): boolean {
    return !this.isEmpty && (this.#isRequested || this.#bytes >= this.#limits.maxUnsyncedBytes)
  }

  add(batch: SealedBatch<T, W>): void {
    this.#batches.push(batch)
    this.#bytes += batch.frame.length
    if (this.#timer !== undefined) return
    const due = (): void => {
      this.#timer = undefined
      this.#isRequested = true
      this.#due()
    }
    // A process that has nothing else to do waits for it: they were promised to be synced by then.
    this.#timer = this.#timers.after(this.#limits.syncIntervalMs, due, { keepAlive: true })
  }

  /** The next sync is due now. */
  requestSync(): void {
    this.#isRequested = true
  }

  /** They are durable. */
  clear(): void {
    for (const batch of this.#batches) batch.release()
    this.#batches = []
    this.#bytes = 0
    this.#isRequested = false
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** No timer is left; for a log that has failed or is closed. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
