import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '@holdfast/testing/environment'
import { isHoldfastError, openAt, openReadOnly } from 'holdfast'
import { Expectation } from '../kill/expectation.ts'
import { commandsFrom, killMachine } from '../kill/workload.ts'
import { checkFeed } from './feed-check.ts'
import { footprint } from './footprint.ts'
import { Pace } from './pace.ts'
import { answerTo, type Counts, count } from './parent.ts'
import { LARGE_MAX_BYTES } from './writer.ts'

const READER_SHARE = 0.06
const REFRESHES_MAX = 20
const REFRESH_EVERY_MS = 100
const FEED_MAX_MS = 1500

/** Reads the stores in turn, beside their writers, until the parent says that it is enough. */
export async function read(directories: readonly string[], seed: number): Promise<void> {
  const reader = new Reader(seed)
  const expected = directories.map(() => new Expectation(seed, LARGE_MAX_BYTES))
  for (let turn = 0; ; turn += 1) {
    const index = turn % directories.length
    const directory = directories[index] as string
    await reader.once(directory, expected[index] as Expectation)
    const { end } = await answerTo({
      type: 'closed',
      seq: 0,
      footprint: await footprint(directories),
      counts: reader.takeCounts(),
    })
    if (end === true) return
    await reader.rest()
  }
}

class Reader {
  readonly #seed: number
  readonly #random: SeededRandom
  readonly #pace = new Pace(READER_SHARE)
  #counts: Counts = {}

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new SeededRandom(seed)
  }

  async rest(): Promise<void> {
    await sleep(REFRESH_EVERY_MS)
    await this.#pace.keep()
  }

  takeCounts(): Counts {
    const counts = this.#counts
    this.#counts = {}
    return counts
  }

  /** Opens one store, follows it for a while, and closes it. */
  async once(directory: string, expected: Expectation): Promise<void> {
    try {
      await this.#follow(directory, expected)
      await this.#past(directory)
    } catch (error) {
      // Not made yet; or trimmed while it was looked for.
      if (!isHoldfastError(error, 'NO_STORE') && !isHoldfastError(error, 'GAP')) throw error
      this.#count(`read: ${error.code}`)
    }
  }

  async #follow(directory: string, expected: Expectation): Promise<void> {
    const store = await openReadOnly(directory, killMachine)
    this.#count('opened read-only')
    const from = store.appliedSeq + 1
    const following = checkFeed(
      store.changes({ from, signal: AbortSignal.timeout(FEED_MAX_MS), pollMs: 50 }),
      commandsFrom(this.#seed, from, LARGE_MAX_BYTES),
      from,
    ).catch((error: unknown) => {
      if (!isHoldfastError(error, 'ABORTED') && !isHoldfastError(error, 'GAP')) throw error
      this.#count(`feed beside: ${error.code}`)
    })
    try {
      for (let left = this.#random.below(REFRESHES_MAX); left >= 0; left -= 1) {
        // Without a floor: that is the writer's business.
        expected.check(store.appliedSeq, store.state)
        await sleep(REFRESH_EVERY_MS)
        await this.#pace.keep()
        await store.refresh()
        this.#count('refreshes')
      }
    } finally {
      await store.close()
    }
    await following
  }

  async #past(directory: string): Promise<void> {
    const now = await openReadOnly(directory, killMachine)
    const seq = now.appliedSeq - this.#random.below(300)
    await now.close()
    if (seq < 1) return
    const then = await openAt(directory, killMachine, { seq })
    if (then.appliedSeq !== seq) throw new Error(`openAt ${seq} opened at ${then.appliedSeq}`)
    await then.close()
    this.#count('opened at a point')
  }

  #count(name: string): void {
    count(this.#counts, name)
  }
}
