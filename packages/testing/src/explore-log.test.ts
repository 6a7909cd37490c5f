import { describe, expect, it } from 'vitest'
import { explore } from './exploration/explore.ts'
import { logSubject } from './exploration/log-subject.fixture.ts'

// A slice that is the same each time. For more: `tools/explore-log.ts`, which also replays what fails here.
describe('crashes of the log', () => {
  it('leave nothing lost, torn, invented or in need of help, at any operation, three deep', async () => {
    const explored = await explore(logSubject, { seed: 1, workloads: 4, survivals: 1, nestedEvery: 150 })
    expect(explored.failures).toEqual([])
    // It did look: a run that is over at once would find nothing either.
    expect(explored.points).toBeGreaterThan(200)
    expect(explored.nested).toBeGreaterThan(100)
    expect(explored.damaged).toBeGreaterThan(100)
  }, 120_000)
})
