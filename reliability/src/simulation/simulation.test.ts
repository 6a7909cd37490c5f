import { explore } from '@holdfast/testing/exploration'
import { describe, expect, it } from 'vitest'
import { engineSubjectWith } from './engine-subject.ts'
import { logSubject } from './log-subject.ts'
import { SnapshotTally } from './snapshot-tally.ts'

const SLICE = { survivals: 1, nestedEvery: 300 }
const WITH_A_THREAD_THAT_HANGS = { seed: 10, workloads: 2 }

// Slices that are the same each time. Longer ones: `npm run reliability -- simulation`.
describe('crashes', () => {
  it('leave the state of a prefix of the commands, with all that was acknowledged, three deep', async () => {
    const tally = new SnapshotTally()
    const explored = await explore(engineSubjectWith(tally), { ...SLICE, seed: 2, workloads: 3 })
    expect(explored.failures).toEqual([])
    // It did look: a run that is over at once would find nothing either.
    expect(explored.points).toBeGreaterThan(200)
    expect(explored.damaged).toBeGreaterThan(100)
    // A thread that hangs is in this one.
    const hanging = await explore(engineSubjectWith(tally), { ...SLICE, ...WITH_A_THREAD_THAT_HANGS })
    expect(hanging.failures).toEqual([])
    expect(Object.entries(tally.figures).filter(([, times]) => times === 0)).toEqual([])
  }, 120_000)

  it('are the same for the same seed', async () => {
    const runs = [new SnapshotTally(), new SnapshotTally()].map(async (tally) => {
      const explored = await explore(engineSubjectWith(tally), { ...SLICE, ...WITH_A_THREAD_THAT_HANGS })
      return { explored, tally }
    })
    const [first, second] = await Promise.all(runs)
    expect(first?.tally.figures.compressed).toBeGreaterThan(0)
    expect(second).toEqual(first)
  }, 120_000)

  it('leave nothing of the log lost, torn, invented or in need of help, three deep', async () => {
    const explored = await explore(logSubject, { seed: 1, workloads: 4, survivals: 1, nestedEvery: 150 })
    expect(explored.failures).toEqual([])
    expect(explored.points).toBeGreaterThan(200)
    expect(explored.nested).toBeGreaterThan(100)
    expect(explored.damaged).toBeGreaterThan(100)
  }, 120_000)
})
