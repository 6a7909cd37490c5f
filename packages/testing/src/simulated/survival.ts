import { SeededRandom } from '../seeded-random.ts'
import { SECTOR_BYTES, type Sector, ZERO_SECTOR } from './sector.ts'

/**
 * Something that was done and not synced. `stamp` counts the operations of the disk: effects of one
 * operation share it, later ones have a greater one.
 */
export interface Effect {
  readonly what: 'data' | 'size' | 'name'
  readonly stamp: number
}

/** Decides what of the unsynced a power cut leaves. It is asked once about every effect. */
export interface Survival {
  /** Says it in a word, so that it can be replayed: see `survivalNamed`. */
  readonly name: string
  /** Called before anything else, with the range of the stamps that it will be asked about. */
  begin?(oldest: number, newest: number): void
  survives(effect: Effect): boolean
  /** What stands in a sector inside the size of the file that was never written to. Default: zeros. */
  unwritten?(): Sector
}

/** The extremes: every power cut should be tried with each of them. */
export const EXTREME_SURVIVALS: readonly string[] = [
  'nothing',
  'everything',
  'newest',
  'oldest',
  'names',
  'data',
  'sizes',
]

/**
 * The survival of a name: one of the extremes, `random-<seed>` or `effects-<bits>`.
 *
 * - `nothing`, `everything`: of what was not synced.
 * - `newest`, `oldest`: only what the last, or the first, unsynced operation did.
 * - `names`: directories have it all, files have nothing. `data`: the other way round.
 * - `sizes`: names and sizes, and no data: files grown without what was written to them.
 * - `random-<seed>`: each effect by itself, each operation as a whole, or all up to a moment; now and then
 *   with stale bytes in sectors that were never written to.
 * - `effects-<bits>`: the first that is asked about survives if the first bit is 1, and so on.
 */
export function survivalNamed(name: string): Survival {
  if (name.startsWith('random-')) return new RandomSurvival(Number(name.slice('random-'.length)))
  if (name.startsWith('effects-')) return chosenEffects(name)
  let first = 0
  let last = 0
  const rules: Record<string, (effect: Effect) => boolean> = {
    nothing: () => false,
    everything: () => true,
    newest: ({ stamp }) => stamp === last,
    oldest: ({ stamp }) => stamp === first,
    names: ({ what }) => what === 'name',
    data: ({ what }) => what !== 'name',
    sizes: ({ what }) => what !== 'data',
  }
  const survives = rules[name]
  if (survives === undefined) throw new RangeError(`no survival is called '${name}'`)
  return {
    name,
    survives,
    begin(oldest, newest) {
      first = oldest
      last = newest
    },
  }
}

function chosenEffects(name: string): Survival {
  let at = 'effects-'.length
  return { name, survives: () => name[at++] === '1' }
}

class RandomSurvival implements Survival {
  readonly name: string
  readonly #random: SeededRandom
  readonly #mode: number
  readonly #percent: number
  readonly #stale: boolean
  readonly #operations: Map<number, boolean> = new Map()
  #until = 0

  constructor(seed: number) {
    this.name = `random-${seed}`
    this.#random = new SeededRandom(seed)
    this.#mode = this.#random.below(4)
    this.#percent = [10, 50, 90][this.#random.below(3)] as number
    this.#stale = this.#random.below(4) === 0
  }

  begin(oldest: number, newest: number): void {
    this.#until = oldest + this.#random.below(newest - oldest + 1)
  }

  survives({ stamp }: Effect): boolean {
    if (this.#mode === 0) return stamp <= this.#until
    if (this.#mode > 1) return this.#chance()
    let survives = this.#operations.get(stamp)
    if (survives === undefined) this.#operations.set(stamp, (survives = this.#chance()))
    return survives
  }

  unwritten(): Sector {
    return this.#stale && this.#chance() ? Buffer.from(this.#random.bytes(SECTOR_BYTES)) : ZERO_SECTOR
  }

  #chance(): boolean {
    return this.#random.below(100) < this.#percent
  }
}
