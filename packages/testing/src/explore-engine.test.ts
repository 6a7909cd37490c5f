import { describe, expect, it } from 'vitest'
import { engineSubject } from './exploration/engine-subject.fixture.ts'
import { explore } from './exploration/explore.ts'

// A slice that is the same each time. For more: `tools/explore-engine.ts`, which also replays what fails here.
describe('crashes of the engine', () => {
  it('leave the state of a prefix of the commands, with all that was acknowledged, three deep', async () => {
    const explored = await explore(engineSubject, { seed: 1, workloads: 2, survivals: 1, nestedEvery: 300 })
    expect(explored.failures).toEqual([])
    expect(explored.points).toBeGreaterThan(200)
    expect(explored.damaged).toBeGreaterThan(100)
  }, 120_000)
})
