import { expect, it } from 'vitest'
import { PARTS } from './parts.ts'
import { expectedSeconds } from './progress.ts'

const FULL_MAX_SECONDS = 15 * 60

it('plans for less than a quarter of an hour', () => {
  expect(expectedSeconds(PARTS, { quick: false })).toBeLessThan(FULL_MAX_SECONDS)
})
