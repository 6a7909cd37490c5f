import { describe, expect, it } from 'vitest'
import { damageClosed, damageStopped, Tally } from './climb.ts'
import { readingOf } from './evidence.ts'
import { closedStore } from './store.ts'

const SEED = 3

describe('damage', () => {
  it('after a clean close takes nothing away: all is there, or the store is refused and not changed', async () => {
    const tally = new Tally()
    await damageClosed({ seed: SEED, commandsEach: 4, every: 61, pairs: 100 }, tally, () => {})
    expect(tally.violations).toEqual([])
    const { figures } = tally
    // What is damaged is refused, not read: only snapshots have a stand-in, and what a snapshot covers is not read.
    expect(figures['closed, bits: refused']).toBeGreaterThan(100)
    expect(figures['closed, bits: intact, from an older snapshot or the log']).toBeGreaterThan(10)
  }, 600_000)

  it('after a kill or a power cut takes nothing away that anything says was durable', async () => {
    const tally = new Tally()
    await damageStopped({ seed: SEED, moments: 3, every: 211 }, tally, () => {})
    expect(tally.violations).toEqual([])
    expect(tally.figures['stopped at disk: refused']).toBeGreaterThan(20)
    expect(tally.figures['stopped at disk: taken for a torn tail']).toBeGreaterThan(0)
  }, 600_000)

  it('is judged by a reading of the format that finds what there is', async () => {
    const { files, commands } = await closedStore(SEED, 4)
    expect(readingOf(files)).toMatchObject({ readable: commands.length, proven: commands.length })
  })
})
