// Imported, so that they are the real ones where a test has replaced those of the global object.
import { nextTick } from 'node:process'
import { setImmediate } from 'node:timers'
import type { Clock, Timer, Timers } from '@holdfast/environment'
import type { SeededRandom } from '../seeded-random.ts'

interface Due {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** How long an operation takes at most, in milliseconds of the simulated time. */
const OPERATION_MS = 0.3
/** How long a turn of the event loop takes: whoever takes turns until some time has passed comes to an end. */
const TURN_MS = 0.02
const SETTLED: Promise<void> = Promise.resolve()

/**
 * Time and order in a simulated world.
 *
 * One thing happens at a time, and then everything that follows from it in this turn of the event loop: all
 * promises have settled before the next thing is drawn. What is drawn, out of the operations, turns and timers
 * that are due, is for the seed to say. An operation takes a moment of simulated time. When there is nothing
 * else to do, time jumps to the next timer.
 */
export class Simulation implements Clock, Timers {
  readonly #random: SeededRandom
  readonly #jobs: (() => void)[] = []
  readonly #turns: (() => void)[] = []
  #timers: Due[] = []
  #timerOrder = 0
  #wall: number
  #monotonic = 0
  #scheduled = false
  #stopped = false
  readonly #run: () => void = () => this.#step()
  readonly #tick: () => void = () => nextTick(this.#run)
  /** Nothing is left to do, nor will there be until something is asked for. */
  onIdle: (() => void) | undefined
  /** The world has stopped. */
  onStop: (() => void) | undefined

  constructor(random: SeededRandom, startMs: number) {
    this.#random = random
    this.#wall = startMs
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Nothing happens any more: no call returns, no timer fires. */
  stop(): void {
    this.#stopped = true
    this.#jobs.length = 0
    this.#turns.length = 0
    this.#timers = []
    this.onStop?.()
  }

  /** Moves the wall clock alone, either way, as people and time servers do. */
  jump(ms: number): void {
    this.#wall += ms
  }

  /** Lets time pass; what falls due runs as soon as it is drawn. */
  advance(ms: number): void {
    this.#pass(ms)
    this.#schedule()
  }

  after(ms: number, run: () => void): Timer {
    const due: Due = { at: this.#monotonic + ms, order: this.#timerOrder++, run }
    this.#timers.push(due)
    this.#schedule()
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== due)
      },
    }
  }

  turn(run: () => void): void {
    this.#turns.push(run)
    this.#schedule()
  }

  /** Runs it when it is drawn. */
  enqueue(run: () => void): void {
    this.#jobs.push(run)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    // The microtask, so that the tick comes behind every promise that can still settle. `queueMicrotask` costs more.
    void SETTLED.then(this.#tick)
  }

  #step(): void {
    this.#scheduled = false
    if (this.#stopped) return
    const due = this.#timers.length === 0 ? undefined : this.#nextTimer(this.#monotonic)
    const choices = this.#jobs.length + Math.min(1, this.#turns.length) + (due === undefined ? 0 : 1)
    if (choices === 0) return this.#rest()
    let drawn = choices === 1 ? 0 : this.#random.below(choices)
    if (drawn < this.#jobs.length) {
      const [job] = this.#jobs.splice(drawn, 1)
      this.#pass((OPERATION_MS * this.#random.below(1000)) / 1000)
      job?.()
    } else {
      drawn -= this.#jobs.length
      if (drawn === 0 && this.#turns.length > 0) {
        this.#pass(TURN_MS)
        this.#turns.shift()?.()
      } else if (due !== undefined) this.#fire(due)
    }
    this.#schedule()
  }

  #pass(ms: number): void {
    this.#wall += ms
    this.#monotonic += ms
  }

  /** Nothing is due. What lives outside of the simulation gets its turn before time jumps. */
  #rest(): void {
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#stopped) return
      if (this.#jobs.length + this.#turns.length > 0) return this.#schedule()
      const next = this.#nextTimer(Number.POSITIVE_INFINITY)
      if (next === undefined) return this.onIdle?.()
      this.#pass(Math.max(0, next.at - this.#monotonic))
      this.#fire(next)
      this.#schedule()
    })
  }

  #fire(due: Due): void {
    this.#timers = this.#timers.filter((other) => other !== due)
    due.run()
  }

  #nextTimer(until: number): Due | undefined {
    let next: Due | undefined
    for (const timer of this.#timers) {
      if (timer.at > until) continue
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer
    }
    return next
  }
}
