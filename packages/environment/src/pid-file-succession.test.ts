import { SeededRandom } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { isHoldfastError } from './errors.ts'
import type { PidFileHolder } from './pid-file.ts'
import { leavePidFile, type PidFileCalls, takePidFile } from './pid-file-succession.ts'

const PID_FILE = 'LOCK.pid'

/**
 * Processes that share a directory, one call at a time in an order that comes from a seed, each of which may
 * die between any two of its calls.
 */
class World {
  readonly files = new Map<string, PidFileHolder>()
  readonly inside = new Set<string>()
  violations = 0
  taken = 0
  readonly #random: SeededRandom
  readonly #dead = new Set<string>()
  #waiting: { token: string; go: () => void }[] = []

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  /** A process that tries so often to get in, stays for a few calls, and leaves. */
  async live(token: string, rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      const me: PidFileHolder = { pid: 1, host: 'h', since: 's', token: `${token}-${round}` }
      const calls = this.#calls(token)
      const named = `new-${me.token}`
      this.files.set(named, me)
      try {
        await takePidFile(calls, PID_FILE, named, me)
      } catch (error) {
        if (!isHoldfastError(error, 'LOCKED')) throw error
        continue
      } finally {
        this.files.delete(named)
      }
      this.taken += 1
      this.inside.add(token)
      if (this.inside.size > 1) this.violations += 1
      for (let stay = 0; stay < 3; stay += 1) await calls.read('anything')
      this.inside.delete(token)
      await leavePidFile(calls, PID_FILE, me)
    }
  }

  /** Lets calls happen until nobody waits for one; of a hundred processes about to call, so many die. */
  async run(deathsPerHundred: number): Promise<void> {
    for (;;) {
      // All that can go on without a call has done so after this turn.
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      const next = this.#waiting.splice(this.#random.below(Math.max(1, this.#waiting.length)), 1)[0]
      if (next === undefined) return
      if (this.#random.below(100) < deathsPerHundred) this.#die(next.token)
      else next.go()
    }
  }

  #die(token: string): void {
    this.#dead.add(token)
    this.inside.delete(token)
    this.#waiting = this.#waiting.filter((other) => other.token !== token)
  }

  #calls(token: string): PidFileCalls {
    const { files } = this
    const atomic = <T>(run: () => T): Promise<T> =>
      new Promise<void>((go) => {
        this.#waiting.push({ token, go })
      }).then(run)
    return {
      read: (path) => atomic(() => files.get(path)),
      link: (from, to) =>
        atomic(() => {
          const file = files.get(from)
          if (file === undefined || files.has(to)) return false
          files.set(to, file)
          return true
        }),
      rename: (from, to) =>
        atomic(() => {
          const file = files.get(from)
          if (file === undefined) throw new Error('ENOENT')
          files.delete(from)
          files.set(to, file)
        }),
      unlink: (path) =>
        atomic(() => {
          if (!files.delete(path)) throw new Error('ENOENT')
        }),
      isGone: (holder) => atomic(() => this.#dead.has(holder.token.split('-')[0] ?? '')),
    }
  }
}

describe('the succession of a pid file (fault 30)', () => {
  // Deaths often, seldom and never; the order of all calls and who dies where differ with the seed.
  it.each([12, 4, 0])(
    'never has two inside, and opens again by itself: %i deaths in a hundred calls',
    async (deaths) => {
      let taken = 0
      for (let seed = 1; seed <= 150; seed += 1) {
        const world = new World(seed * 100 + deaths)
        const lives = ['a', 'b', 'c', 'd', 'e'].map((token) => world.live(token, 4))
        await world.run(deaths)
        expect(world.violations, `seed ${seed}`).toBe(0)
        // Whatever they left behind, one who comes alone gets in.
        const before = world.taken
        lives.push(world.live('z', 1))
        await world.run(0)
        expect(world.taken, `seed ${seed}`).toBe(before + 1)
        taken += world.taken
      }
      expect(taken).toBeGreaterThan(300)
    },
  )
})
