import { setTimeout as sleep } from 'node:timers/promises'

/** What was not used in so long is not made up for. */
const WINDOW_MS = 2000
const PAUSE_MIN_MS = 10
const PAUSE_MAX_MS = 1000

/** Keeps this process to a share of a core, so that a long run can stand beside other work. */
export class Pace {
  readonly #share: number
  #since = performance.now()
  #cpu = process.cpuUsage()

  constructor(share: number) {
    this.#share = share
  }

  async keep(): Promise<void> {
    const { user, system } = process.cpuUsage(this.#cpu)
    const elapsedMs = performance.now() - this.#since
    const aheadMs = (user + system) / 1000 / this.#share - elapsedMs
    if (aheadMs > PAUSE_MIN_MS) await sleep(Math.min(aheadMs, PAUSE_MAX_MS))
    if (elapsedMs < WINDOW_MS) return
    this.#since = performance.now()
    this.#cpu = process.cpuUsage()
  }
}
