import { expect, it } from 'vitest'
import type { CellResult } from './part.ts'
import { ratio, reason, spread, spreadOf } from './statistics.ts'

const result: CellResult = {
  id: 'a cell',
  outcomes: {
    ours: [{ figures: { speed: 100 } }, { figures: { speed: 200 } }, { failed: 'no disk' }],
    theirs: [{ figures: { speed: 50 } }, { figures: { speed: 80 } }, { figures: { speed: 1 } }],
    absent: [{ skipped: 'not installed' }],
  },
}

it('takes the middle of the rounds, and the ends', () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 })
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, lowest: 1, highest: 4 })
  expect(spreadOf([])).toBeUndefined()
})

it('compares figures of the same round only', () => {
  expect(ratio(result, 'theirs', 'ours', 'speed')).toEqual({ median: 0.45, lowest: 0.4, highest: 0.5 })
  expect(ratio(result, 'absent', 'ours', 'speed')).toBeUndefined()
  expect(ratio(result, 'theirs', 'ours', 'size')).toBeUndefined()
})

it('leaves out what failed, and says why', () => {
  expect(spread(result, 'ours', 'speed')).toEqual({ median: 150, lowest: 100, highest: 200 })
  expect(reason(result.outcomes['ours'])).toBe('failed: no disk')
  expect(reason(result.outcomes['absent'])).toBe('skipped: not installed')
  expect(reason(result.outcomes['theirs'])).toBeUndefined()
})
