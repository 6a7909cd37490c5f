import type { Environment } from '@holdfast/environment'
import { turn } from './turn.ts'

/**
 * How a writer shares the event loop with whatever else the process does.
 * - `fast`: the loop turns behind each chunk, after some milliseconds of work.
 * - `gentle`: it works for a millisecond at a time, and takes no more than a fifth of the time while there is
 *   something else to do.
 */
export type SnapshotPace = 'fast' | 'gentle'

const SLICE_MS = 1
/** Of each five slices of time four are for others. */
const REST_SLICES = 4
/** Nor longer than this: a process that was stopped meanwhile seems to have worked for hours. */
const REST_MAX_MS = 100
/** A turn of the loop that takes less had nothing to do; if that lasts for so long, neither has anybody who waits for the disk. */
const IDLE_TURN_MS = 0.1
const IDLE_MS = 1
/** The clock is looked at once for so many steps: a step takes well below a microsecond. */
const STEPS_PER_LOOK = 64

/** When a writer has worked for long enough, and for how long it leaves the event loop to others then. */
export class Pace {
  readonly #environment: Environment
  readonly #isGentle: boolean
  #sliceBegan: number
  #steps = 0

  constructor(environment: Environment, pace: SnapshotPace) {
    this.#environment = environment
    this.#isGentle = pace === 'gentle'
    this.#sliceBegan = environment.clock.monotonic()
  }

  /** Asked behind each step of the work: whether it is time for a rest. */
  get isSliceOver(): boolean {
    if (!this.#isGentle || ++this.#steps < STEPS_PER_LOOK) return false
    this.#steps = 0
    return this.#environment.clock.monotonic() - this.#sliceBegan >= SLICE_MS
  }

  /** Lets others have their turn, or several. */
  async rest(): Promise<void> {
    const { clock } = this.#environment
    const restBegan = clock.monotonic()
    const until = restBegan + Math.min(REST_MAX_MS, REST_SLICES * (restBegan - this.#sliceBegan))
    let idleSince = restBegan
    for (let turnBegan = restBegan; ; ) {
      await turn(this.#environment)
      const now = clock.monotonic()
      this.#sliceBegan = now
      if (now - turnBegan >= IDLE_TURN_MS) idleSince = now
      if (!this.#isGentle || now >= until || now - idleSince >= IDLE_MS) return
      turnBegan = now
    }
  }
}
