import { describe, expect, it } from 'vitest'
import type { BlockEntry, BlockLog } from './block-log.ts'
import { type Interval, intervalsOf } from './intervals.ts'
import { SECTOR_BYTES } from './survivals.ts'

const write = (sector: number, fill: number, sectors = 1): BlockEntry => ({
  type: 'write',
  offset: sector * SECTOR_BYTES,
  length: sectors * SECTOR_BYTES,
  bytes: Buffer.alloc(sectors * SECTOR_BYTES, fill),
})
const flush: BlockEntry = { type: 'flush' }
const durable = (seq: number): BlockEntry => ({ type: 'note', note: { type: 'durable', seq } })

const cut = (
  entries: readonly BlockEntry[],
  survivals = 5,
  before: readonly BlockEntry[] = [],
): Interval[] => [
  ...intervalsOf({ before, entries } satisfies BlockLog, { seed: 1, survivals, isLookedAt: () => true }),
]

/** Each state as what stands in its sectors. */
const states = ({ states: all }: Interval): Record<number, number>[] =>
  all.map(({ overlay }) => Object.fromEntries([...overlay].map(([sector, bytes]) => [sector, bytes[0] ?? 0])))

describe('a block log, cut at every point', () => {
  it('has a cut before each request, and one behind the last', () => {
    const intervals = cut([write(1, 1), flush, write(2, 2), write(3, 3)])
    expect(intervals.map(({ cuts, survivals }) => [cuts, survivals])).toEqual([
      [2, 10],
      [3, 15],
    ])
  })

  it('brings what was flushed to the medium, and nothing else', () => {
    const intervals = cut([write(1, 1), flush, write(2, 2)], 1, [write(9, 9)])
    expect(intervals.map(({ flushed }) => flushed.map(({ offset }) => offset / SECTOR_BYTES))).toEqual([
      [9],
      [1],
    ])
    // With the first kind of survival nothing else is there.
    expect(intervals.map(states)).toEqual([[{}], [{}]])
  })

  it('wants what was acknowledged before the next request, and of the same disk the most of it', () => {
    const [first, second] = cut([durable(1), write(1, 1), durable(2), flush, durable(3), write(1, 2)], 2)
    // Nothing survives of two cuts; of the second, everything does too.
    expect(states(first as Interval)).toEqual([{}, { 1: 1 }])
    expect(first?.states.map(({ floor }) => floor)).toEqual([2, 2])
    expect(second?.states.map(({ floor }) => floor)).toEqual([3, 3])
  })

  it('takes nothing of a write or a flush that failed', () => {
    const failed: BlockEntry = { type: 'failed-write', offset: SECTOR_BYTES, length: SECTOR_BYTES }
    const intervals = cut([write(1, 1), { type: 'failed-flush' }, failed, write(2, 2)], 2)
    expect(intervals).toHaveLength(1)
    expect(intervals.map(states)).toEqual([[{}, { 1: 1 }, { 1: 1, 2: 2 }]])
  })

  it('tears writes at sectors, and leaves any version of each', () => {
    const versions = new Set<string>()
    for (let seed = 1; seed <= 40; seed += 1) {
      const log = { before: [], entries: [write(1, 1, 2), write(1, 2, 2)] }
      for (const interval of intervalsOf(log, { seed, survivals: 8, isLookedAt: (at) => at === 2 })) {
        for (const state of states(interval)) versions.add(`${state[1] ?? 0}${state[2] ?? 0}`)
      }
    }
    expect([...versions].sort()).toEqual(['00', '01', '02', '10', '11', '12', '20', '21', '22'])
  })
})
