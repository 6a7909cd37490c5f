import type { Clock } from '@holdfast/environment'

/** The log's own clock: wall-clock milliseconds of the machine, but never back, whatever that clock does. */
export class LogClock {
  readonly #clock: Clock
  #lastTime: number

  constructor(clock: Clock, lastTime: number) {
    this.#clock = clock
    this.#lastTime = lastTime
  }

  /** The latest time that it has told, or began with. */
  get lastTime(): number {
    return this.#lastTime
  }

  now(): number {
    this.#lastTime = Math.max(this.#lastTime, Math.floor(this.#clock.now()))
    return this.#lastTime
  }
}
