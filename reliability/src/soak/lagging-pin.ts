import type { SeededRandom } from '@holdfast/testing/environment'
import type { Pin, PinOptions, Store } from 'holdfast'

const OWNER = 'laggard'

/** How far behind somebody is who reads a log. */
export interface Lag {
  readonly maxBytes: number
  /** He reads on one time in so many that he could. */
  readonly advancesOneIn: number
}

/** Somebody who reads a store's log so slowly that his pin is dropped now and then. He knows his position when the store is opened again. */
export class LaggingPin {
  readonly #lag: Lag
  readonly #random: SeededRandom
  #pin: Pin | undefined
  #from: number | undefined

  constructor(lag: Lag, random: SeededRandom, from: number | undefined) {
    this.#lag = lag
    this.#random = random
    this.#from = from
  }

  /** The first sequence that he needs, if he has begun. */
  get from(): number | undefined {
    return this.#from
  }

  /** For `open`. */
  get options(): PinOptions[] {
    if (this.#from === undefined) return []
    return [{ owner: OWNER, from: this.#from, maxBytes: this.#lag.maxBytes }]
  }

  opened({ pins }: Pick<Store, 'pins'>): void {
    ;[this.#pin] = pins
  }

  /** What he needs is kept no longer, since nobody says so when the store is opened. */
  forget(): void {
    this.#pin = undefined
    this.#from = undefined
  }

  /** Reads on, or does not. One that was dropped begins anew. */
  turn(store: Pick<Store, 'pin' | 'appliedSeq'>): void {
    const next = store.appliedSeq + 1
    if (this.#pin === undefined || this.#pin.dropped) {
      this.#pin?.release()
      this.#pin = store.pin({ owner: OWNER, from: next, maxBytes: this.#lag.maxBytes })
    } else if (this.#random.below(this.#lag.advancesOneIn) === 0) {
      this.#pin.advance(this.#pin.from + this.#random.below(next - this.#pin.from + 1))
    }
    this.#from = this.#pin.from
  }
}
