import { SeededRandom } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { TREND_MIN_SAMPLES, trendOf } from './trend.ts'

const TOLERANCE = { share: 0.05, absolute: 10 }

/** Noise around 1,000, a peak now and then, and growth. */
function samples(growthEach: number): number[] {
  const random = new SeededRandom(7)
  return Array.from({ length: 600 }, (_, index) => {
    const peak = random.below(20) === 0 ? 5000 : 0
    return 900 + random.below(200) + peak + index * growthEach
  })
}

describe('trendOf', () => {
  it('calls noise with peaks level', () => {
    expect(trendOf(samples(0), TOLERANCE)?.level).toBe(true)
  })

  it('sees growth that is below the noise from one sample to the next', () => {
    expect(trendOf(samples(0.5), TOLERANCE)?.level).toBe(false)
  })

  it('does not count warming up', () => {
    const warming = samples(0).map((value, index) => value - Math.max(0, 800 - 8 * index))
    expect(trendOf(warming, TOLERANCE)?.level).toBe(true)
  })

  it('says nothing of a few samples', () => {
    expect(trendOf(samples(0).slice(0, TREND_MIN_SAMPLES - 1), TOLERANCE)).toBeUndefined()
  })
})
