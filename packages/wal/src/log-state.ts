import { HoldfastError, type WriteOutcome } from '@holdfast/environment'
import { Signal } from './signal.ts'

/** Whether a log takes writes, and the failure that ended it. `failed` is for good, and so is `closed`. */
export class LogState {
  #phase: 'open' | 'closing' | 'closed' | 'failed' = 'open'
  #failure: HoldfastError | undefined
  /** Something changed that callers may be waiting for: room, durability, the end. */
  readonly changed: Signal = new Signal()

  /** Neither closed nor being closed, and it has not failed. */
  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** Nothing more will become durable. */
  get hasEnded(): boolean {
    return this.#phase === 'closed' || this.#phase === 'failed'
  }

  get failure(): HoldfastError | undefined {
    return this.#failure
  }

  /** Returns whether this is the failure that ended it: the first. One while it is being closed doesn't end the closing. */
  fail(error: HoldfastError): boolean {
    if (this.#failure !== undefined) return false
    this.#failure = error
    if (this.#phase === 'open') this.#phase = 'failed'
    return true
  }

  beginClosing(): void {
    this.#phase = 'closing'
  }

  endClosing(): void {
    this.#phase = 'closed'
    this.changed.emit()
  }

  assertWritable(): void {
    this.assertNotFailed()
    if (!this.isOpen) throw new HoldfastError('CLOSED', 'the log is closed', { outcome: 'not-written' })
  }

  assertNotFailed(): void {
    if (this.#failure !== undefined) throw this.failedError('not-written')
  }

  failedError(outcome: WriteOutcome): HoldfastError {
    const what = outcome === 'unknown' ? 'while this was written' : 'and takes no more writes'
    return new HoldfastError('FAILED', `the log has failed ${what}`, { outcome, cause: this.#failure })
  }
}
