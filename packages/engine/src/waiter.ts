import type { HoldfastError } from '@holdfast/environment'

/** Whoever waits for a command: it is told once. */
export interface Waiter {
  /** It was applied, and gave this. */
  accept(result: unknown): void
  /** It is in the log, and `apply` threw this. */
  refuse(reason: unknown): void
  /** It was not acknowledged; `error.outcome` says whether it may be there after reopening. */
  reject(error: HoldfastError): void
}

/** The outcomes of several commands, in order: the first rejection ends it, since they share their fate on disk. */
export class GroupWaiter implements Waiter {
  readonly #results: PromiseSettledResult<unknown>[] = []
  readonly #count: number
  readonly #resolve: (results: PromiseSettledResult<unknown>[]) => void
  readonly reject: (error: HoldfastError) => void

  constructor(
    count: number,
    resolve: (results: PromiseSettledResult<unknown>[]) => void,
    reject: (error: HoldfastError) => void,
  ) {
    this.#count = count
    this.#resolve = resolve
    this.reject = reject
  }

  accept(value: unknown): void {
    this.#push({ status: 'fulfilled', value })
  }

  refuse(reason: unknown): void {
    this.#push({ status: 'rejected', reason })
  }

  #push(result: PromiseSettledResult<unknown>): void {
    this.#results.push(result)
    if (this.#results.length === this.#count) this.#resolve(this.#results)
  }
}
