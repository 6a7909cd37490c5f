import { describe, expect, it } from 'vitest'
import { Levels } from './levels.ts'
import { TREND_MIN_SAMPLES } from './trend.ts'

const MIB = 1024 * 1024
const STEADY = { rssBytes: 150 * MIB, heapBytes: 12 * MIB, externalBytes: 4 * MIB, descriptors: 20 }
const CLOSES = 3 * TREND_MIN_SAMPLES

function judged(change: (close: number) => Partial<typeof STEADY>, closes = CLOSES): readonly string[] {
  const levels = new Levels()
  for (let close = 0; close < closes; close += 1) {
    levels.closed('writer', 7, { ...STEADY, ...change(close) })
    levels.disk('/stores/writer', MIB)
  }
  return levels.judged().violations
}

describe('Levels', () => {
  it('has nothing to say of what stays level', () => {
    expect(judged(() => ({}))).toEqual([])
  })

  it('does not let a single descriptor pass', () => {
    const violations = judged((close) => ({ descriptors: close < CLOSES / 2 ? 20 : 21 }))
    expect(violations).toEqual(['writer: 21 descriptors after a close, 20 before'])
  })

  it('lets a process open what it keeps in its first closes', () => {
    expect(judged((close) => ({ descriptors: close < 2 ? 17 : 20 }))).toEqual([])
  })

  it('reports memory that grows with every open', () => {
    const leaky = (close: number) => ({ heapBytes: 12 * MIB + close * 32 * 1024 })
    expect(judged(leaky)).toHaveLength(1)
    expect(judged(leaky)[0]).toMatch(/^writer heap grows: 14\.\d+ then 16\.\d+ MiB/)
  })

  it('says which trends a short run could not judge', () => {
    const levels = new Levels()
    levels.closed('writer', 7, STEADY)
    expect(levels.judged().skipped).toEqual([
      'the trends of writer heap, writer external, writer rss: too few samples in so short a run',
    ])
  })
})
