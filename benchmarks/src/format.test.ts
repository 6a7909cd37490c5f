import { expect, it } from 'vitest'
import { duration, megabytes, number, times } from './format.ts'
import { table } from './table.ts'

it('says three digits, with the unit that fits', () => {
  expect(number(412_345)).toBe('412,000')
  expect(number(0.000_123_4)).toBe('0.000123')
  expect([12.34, 12_340, 12_340_000].map(duration)).toEqual(['12.3 µs', '12.3 ms', '12.3 s'])
  expect(megabytes(1_234_567)).toBe('1.23 MB')
  expect(times({ median: 0.5, lowest: 0.25, highest: 1 })).toBe('0.5× (0.25–1)')
  expect(times(undefined)).toBe('–')
})

it('leaves out a column without a number', () => {
  expect(
    table(
      ['name', 'a', 'b'],
      [
        ['x', '–', '1'],
        ['y', '–', '–'],
      ],
    ),
  ).toBe('| name | b |\n| --- | ---: |\n| x | 1 |\n| y | – |')
})
