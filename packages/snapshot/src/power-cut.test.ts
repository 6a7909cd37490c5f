import {
  EXTREME_SURVIVALS,
  recordCrashPoints,
  type SimulatedDisk,
  SimulatedEnvironment,
  survivalNamed,
} from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { SnapshotDirectory } from './snapshot-directory.ts'
import { publish, restore } from './snapshots.fixture.ts'
import { stateDigest } from './state-digest.ts'
import { numbers } from './values.fixture.ts'

const path = '/store/snapshots'
const storeId = new Uint8Array(16).fill(7)
/** The first is some sectors long, the second has two chunks. */
const states = new Map<number, unknown[]>([
  [1, numbers(700)],
  [2, ['x'.repeat(300_000), 2]],
  [3, [3]],
])

/** Publishes three snapshots and removes the first. */
function threeSnapshots() {
  let published: readonly number[] = []
  let removed: readonly number[] = []
  return {
    observe: () => ({ published, removed }),
    async run(environment: SimulatedEnvironment): Promise<void> {
      published = []
      removed = []
      const store = await SnapshotDirectory.open(path, { environment, storeId })
      for (const [seq, values] of states) {
        await publish(store, values, seq)
        published = [...published, seq]
        if (seq !== 2) continue
        await store.remove((await store.list()).at(-1) as never)
        removed = [1]
      }
    },
  }
}

/** What a process finds that comes after the crash. */
async function found(disk: SimulatedDisk) {
  const environment = new SimulatedEnvironment({ seed: 3, disk })
  const store = await SnapshotDirectory.open(path, { environment, storeId })
  const seqs: number[] = []
  for (const entry of await store.list()) {
    const reader = await store.open(entry)
    const { digest } = await reader.verify()
    await reader.close()
    expect(digest).toBe(stateDigest(states.get(entry.seq) as unknown[]))
    seqs.push(entry.seq)
  }
  return { environment, store, seqs }
}

describe('a power cut at any moment of publishing and removing', () => {
  it('leaves whole snapshots: those that were published, and none that was removed', {
    tags: ['long'],
  }, async () => {
    const { points, end } = await recordCrashPoints(threeSnapshots())
    expect(end.observed).toEqual({ published: [1, 2, 3], removed: [1] })
    expect(points.length).toBeGreaterThan(25)
    const survivals = [...EXTREME_SURVIVALS, ...numbers(12).map((seed) => `random-${seed}`)]
    for (const { operation, observed, before, during } of points) {
      for (const disk of [before, during]) {
        for (const name of survivals) {
          const { seqs } = await found(disk.afterPowerCut(survivalNamed(name)))
          // The one that is being removed may be there or not.
          const expected = observed.published.filter((seq) => seq !== 1 || observed.published.length === 1)
          const lost = expected.filter((seq) => !seqs.includes(seq))
          const back = observed.removed.filter((seq) => seqs.includes(seq))
          expect({ at: operation, name, lost, back }).toEqual({ at: operation, name, lost: [], back: [] })
        }
      }
    }
  })

  it('takes no snapshot that the next writer found after a kill, and has cleaned up behind', async () => {
    const { points } = await recordCrashPoints(threeSnapshots())
    for (const { operation, during } of points) {
      const killed = during.fork()
      const { store, seqs } = await found(killed)
      await store.cleanTemporaries()
      const cut = await found(killed.afterPowerCut(survivalNamed('nothing')))
      expect({ at: operation, seqs: cut.seqs }).toEqual({ at: operation, seqs })
    }
  })

  it('leaves a directory that the next writer cleans and goes on in', async () => {
    const { points } = await recordCrashPoints(threeSnapshots(), { seed: 2 })
    for (const { during } of points) {
      for (const name of ['nothing', 'everything', 'names']) {
        const { environment, store, seqs } = await found(during.afterPowerCut(survivalNamed(name)))
        await store.cleanTemporaries()
        const next = await publish(store, ['next'], 9)
        expect(await restore(store, next)).toEqual(['next'])
        expect(environment.disk.paths()).toHaveLength(seqs.length + 1)
      }
    }
  })
})
