import { type Sector, ZERO_SECTOR } from '../simulated/sector.ts'
import type { Effect, Survival } from '../simulated/survival.ts'

/** Notes every answer: the same answers at the same point leave the same disk. */
export class NotingSurvival implements Survival {
  readonly name: string
  readonly #survival: Survival
  answers = ''

  constructor(survival: Survival) {
    this.#survival = survival
    this.name = survival.name
  }

  begin(oldest: number, newest: number): void {
    this.#survival.begin?.(oldest, newest)
  }

  survives(effect: Effect): boolean {
    const survives = this.#survival.survives(effect)
    this.answers += survives ? '1' : '0'
    return survives
  }

  unwritten(): Sector {
    const sector = this.#survival.unwritten?.() ?? ZERO_SECTOR
    if (sector !== ZERO_SECTOR) this.answers += `stale ${this.name}`
    return sector
  }
}
