// A block log, cut at every point, as the disks that there can be after it.
import { SeededRandom } from '@holdfast/testing'
import type { BlockLog, BlockWrite } from './block-log.ts'
import { digestOf, type Overlay, survivalKind, type SurvivalKind, survive } from './survivals.ts'

/** One disk that a power cut can leave, and what has to be on it. */
export interface DiskState {
  /** How many writes and flushes had reached the disk. */
  readonly cut: number
  readonly survival: number
  readonly kind: SurvivalKind
  readonly overlay: Overlay
  /** Everything up to this sequence had been promised by then. */
  floor: number
}

/** From one flush to the next: the same medium below all of its states. */
export interface Interval {
  /** What the flush at its beginning has brought to the medium. */
  readonly flushed: readonly BlockWrite[]
  /** No two are the same disk. What any cut that leaves it had promised has to be there. */
  readonly states: readonly DiskState[]
  /** Cut points, and states before the same ones were taken together. */
  readonly cuts: number
  readonly survivals: number
}

export interface CutOptions {
  readonly seed: number
  /** For each cut point. */
  readonly survivals: number
  /** Which cut points are looked at. */
  readonly isLookedAt: (cut: number) => boolean
}

/** Every interval of the run, in order. */
export function* intervalsOf(log: BlockLog, options: CutOptions): Generator<Interval, void, undefined> {
  const { isLookedAt } = options
  let flushed: readonly BlockWrite[] = log.before.filter((entry) => entry.type === 'write')
  let collector = new Collector(options)
  let writes: BlockWrite[] = []
  let cut = 0
  let floor = 0
  /** A cut comes right before the next request: what is acknowledged until then counts. */
  const cutHere = (): void => {
    if (isLookedAt(cut)) collector.add(writes, cut, floor)
    cut += 1
  }
  for (const entry of log.entries) {
    switch (entry.type) {
      case 'write':
        cutHere()
        writes.push(entry)
        break
      case 'flush':
        cutHere()
        yield { flushed, ...collector.collected }
        flushed = writes
        writes = []
        collector = new Collector(options)
        break
      case 'note':
        if (entry.note.type === 'durable') floor = Math.max(floor, entry.note.seq)
        break
      case 'failed-write':
      case 'failed-flush':
        // It left nothing on the medium, and brought nothing there.
        break
      default:
        entry satisfies never
    }
  }
  cutHere()
  yield { flushed, ...collector.collected }
}

class Collector {
  readonly #options: CutOptions
  readonly #states: Map<string, DiskState> = new Map()
  #cuts = 0

  constructor(options: CutOptions) {
    this.#options = options
  }

  add(writes: readonly BlockWrite[], cut: number, floor: number): void {
    const { seed, survivals } = this.#options
    this.#cuts += 1
    for (let survival = 0; survival < survivals; survival += 1) {
      const kind = survivalKind(survival)
      const random = new SeededRandom(Math.imul(Math.imul(seed, 0x9e3779b1) ^ cut, 0x85ebca6b) ^ survival)
      const overlay = survive(writes, kind, random)
      const digest = digestOf(overlay)
      const same = this.#states.get(digest)
      // Cuts come in order: the floor never falls.
      if (same === undefined) this.#states.set(digest, { cut, survival, kind, overlay, floor })
      else same.floor = floor
    }
  }

  get collected(): Pick<Interval, 'states' | 'cuts' | 'survivals'> {
    return {
      states: [...this.#states.values()],
      cuts: this.#cuts,
      survivals: this.#cuts * this.#options.survivals,
    }
  }
}
