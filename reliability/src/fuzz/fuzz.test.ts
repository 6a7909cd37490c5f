import { describe, expect, it } from 'vitest'
import { PLANTED } from './planted.fixture.ts'
import { legsOf, TARGETS_MODULE } from './rung.ts'
import { fuzz } from './run.ts'
import { TARGETS } from './targets.ts'

const SEED = 8
const INPUTS = 120_000

describe('hostile files', () => {
  it('are refused by a documented code, or read as they are; every target sees both', async () => {
    const { counts, violations } = await fuzz({
      seed: SEED,
      legs: legsOf('all', 0, INPUTS),
      targets: TARGETS_MODULE,
    })
    expect(violations).toEqual([])
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    expect(total).toBeGreaterThan(INPUTS * 0.99)
    const outcomes = (name: string): number =>
      Object.keys(counts).filter((key) => key.startsWith(`${name}: `)).length
    expect(TARGETS.filter(({ name }) => outcomes(name) < 3)).toEqual([])
  }, 600_000)

  it('would be noticed if they crashed, hung or filled the memory, each by its own input', async () => {
    const { counts, violations } = await fuzz({
      seed: SEED,
      legs: [{ target: 'planted', first: 0, count: 200 }],
      targets: new URL('planted.fixture.ts', import.meta.url).href,
      silenceMaxMs: 5000,
    })
    const found = violations.map((violation) => Number(/--first (\d+) --inputs 1: /.exec(violation)?.[1]))
    expect(found).toEqual(Object.values(PLANTED))
    // Behind each of them it goes on.
    expect(counts['planted: decoded']).toBeGreaterThan(48)
  }, 600_000)
})
