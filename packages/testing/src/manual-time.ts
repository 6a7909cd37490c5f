import type { Clock, Timer, Timers } from '@holdfast/environment'

/** A clock that stands still until it is told. */
export class ManualClock implements Clock {
  #now: number
  #monotonic = 0

  /** Starts at a wall-clock time, in milliseconds since 1970. */
  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#now += ms
    this.#monotonic += ms
  }

  /** Moves the wall clock alone, either way, as people and time servers do. */
  jump(ms: number): void {
    this.#now += ms
  }
}

interface Waiting {
  readonly at: number
  readonly run: () => void
}

/** Timers that run when their clock is advanced through them. `turn` is that of the event loop. */
export class ManualTimers implements Timers {
  readonly #clock: ManualClock
  #waiting: Waiting[] = []

  constructor(clock: ManualClock = new ManualClock()) {
    this.#clock = clock
  }

  /** How many are set. */
  get pending(): number {
    return this.#waiting.length
  }

  after(ms: number, run: () => void): Timer {
    const waiting: Waiting = { at: this.#clock.monotonic() + ms, run }
    this.#waiting.push(waiting)
    return { cancel: () => this.#remove(waiting) }
  }

  turn(run: () => void): void {
    setImmediate(run)
  }

  /** Lets time pass on the clock, and runs what falls due in the order in which it does. */
  advance(ms: number): void {
    const until = this.#clock.monotonic() + ms
    for (let next = this.#nextDue(until); next !== undefined; next = this.#nextDue(until)) {
      this.#remove(next)
      this.#clock.advance(Math.max(0, next.at - this.#clock.monotonic()))
      next.run()
    }
    this.#clock.advance(until - this.#clock.monotonic())
  }

  #nextDue(until: number): Waiting | undefined {
    let next: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (waiting.at <= until && (next === undefined || waiting.at < next.at)) next = waiting
    }
    return next
  }

  #remove(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting)
  }
}
