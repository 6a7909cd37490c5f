// A close() that races two snapshot() calls, a snapshot of the policy and commands, in as many orders as there are seeds.
import { isHoldfastError } from '@holdfast/environment'
import {
  SeededRandom,
  simulate,
  SimulatedDisk,
  type SimulatedEnvironment,
} from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { type Bank, bank, type BankStore, STORE } from './bank.fixture.ts'
import { open } from './open.ts'
import type { SnapshotMode } from './snapshot-source.ts'

const SEEDS = 60
const COMMANDS = 40
/** From the first call to the last there are so many turns of the event loop, more or less. */
const RACE_TURNS = 250
const TEMPORARY = /\/snapshots\/.*\.tmp$/

const captured = { ...bank, capture: (state: Bank): Bank => structuredClone(state) }

function openAs(mode: SnapshotMode, environment: SimulatedEnvironment): Promise<BankStore> {
  const options = { environment, segmentBytes: 4096, snapshot: { everyRecords: 9 } }
  if (mode !== 'worker') return open(STORE, mode === 'captured' ? captured : bank, options)
  const module = new URL('test:bank')
  environment.workers.modules.set(module.href, { default: bank })
  return open<typeof bank>(STORE, module, options)
}

interface Race {
  /** Most snapshots that were unpublished at any time, and those that were when `close` had returned. */
  mostTemporary: number
  temporary: string[]
  /** Descriptors when `close` had returned, and calls of the file system after that. */
  openFiles: number
  callsBehind: number
  /** Of the two that were asked for: the sequence, or the code of the error. */
  asked: unknown[]
  taken: number
  failed: number
  /** Commands, and what others were refused with. */
  acknowledged: unknown[]
  refused: unknown[]
}

async function race(mode: SnapshotMode, seed: number, disk: SimulatedDisk): Promise<Race> {
  const seen: Partial<Race> = {}
  let mostTemporary = 0
  const temporary = (): string[] => disk.paths().filter((path) => TEMPORARY.test(path))
  const watch = {
    during(): undefined {
      mostTemporary = Math.max(mostTemporary, temporary().length)
    },
  }
  const work = async (environment: SimulatedEnvironment): Promise<void> => {
    const random = new SeededRandom(seed)
    const pause = async (turns: number): Promise<void> => {
      for (let left = turns; left > 0; left -= 1) {
        await new Promise<void>((resolve) => {
          environment.timers.turn(resolve)
        })
      }
    }
    const store = await openAs(mode, environment)
    const executed: Promise<unknown>[] = []
    const loading = (async () => {
      for (let i = 0; i < COMMANDS; i += 1) {
        const durability = random.below(3) === 0 ? 'os' : 'disk'
        executed.push(store.execute('note', i, { durability }))
        // Whoever comes when it is closed is refused: all are looked at in the end.
        executed.at(-1)?.catch(() => {})
        await pause(random.below((2 * RACE_TURNS) / COMMANDS))
      }
    })()
    const asking = [0, 1].map(async () => {
      await pause(random.below(RACE_TURNS))
      return store.snapshot()
    })
    const outcomes = Promise.allSettled(asking)
    await pause(random.below(RACE_TURNS))
    await store.close()
    seen.temporary = temporary()
    seen.openFiles = environment.files.openFiles
    const calls = environment.files.operations
    const [settled, commands] = await Promise.all([
      outcomes,
      loading.then(() => Promise.allSettled(executed)),
    ])
    environment.advance(60_000)
    await pause(50)
    seen.callsBehind = environment.files.operations - calls
    seen.asked = settled.map((one) => (one.status === 'fulfilled' ? one.value.seq : codeOf(one.reason)))
    seen.acknowledged = commands.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    seen.refused = commands.flatMap((one) => (one.status === 'rejected' ? [codeOf(one.reason)] : []))
    const { taken, failed } = store.stats().snapshots
    Object.assign(seen, { taken, failed })
  }
  await simulate(work, { seed, disk, watch })
  return { ...(seen as Race), mostTemporary }
}

const codeOf = (error: unknown): unknown => (isHoldfastError(error) ? error.code : error)

describe.each<SnapshotMode>(['blocking', 'captured', 'worker'])('close() and snapshots, %s', (mode) => {
  it('never two at once; everything settles, nothing is left behind, and all of it is there again', {
    tags: ['long'],
  }, async () => {
    const ends = new Set<string>()
    const mostTemporary = new Set<number>()
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const disk = new SimulatedDisk()
      const seen = await race(mode, seed, disk)
      expect({ seed, ...seen }).toMatchObject({
        temporary: [],
        openFiles: 0,
        callsBehind: 0,
        failed: 0,
      })
      expect(seen.refused.filter((code) => code !== 'CLOSED')).toEqual([])
      mostTemporary.add(seen.mostTemporary)
      for (const end of seen.asked) ends.add(typeof end === 'number' ? 'taken' : String(end))
      if (seen.taken > seen.asked.filter((end) => typeof end === 'number').length) ends.add('by policy')
      await simulate(
        async (environment) => {
          const again = await open(STORE, bank, { environment })
          expect(again.state.notes).toEqual(seen.acknowledged)
          expect(again.report).toMatchObject({ setAside: [], log: { survivors: undefined, tail: undefined } })
          expect(again.stats().snapshots.kept).toHaveLength(Math.min(2, seen.taken))
          await again.close()
        },
        { seed, disk },
      )
    }
    // Where a thread takes it, one that the policy began is given up: then there may be none at all.
    expect(Math.max(...mostTemporary)).toBe(1)
    // All of it happened, or it would be no race.
    expect([...ends].toSorted()).toEqual(['CLOSED', 'by policy', 'taken'])
  })
})
