import { describe, expect, it } from 'vitest'
import { MessageWriter } from './message-writer.ts'
import { Structures } from './structures.ts'

const FIRST_ID = 0x40
const ONE_TIME_ID = 0x5f

function names(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`)
}

describe('Structures', () => {
  it('remembers those of up to 128 names, 31 of them; all others have an id for one time', () => {
    const structures = new Structures()
    expect(structures.define(names(129, 'many'))).toBe(ONE_TIME_ID)
    expect(structures.define(names(128, 'most'))).toBe(FIRST_ID)
    for (let id = FIRST_ID + 1; id < ONE_TIME_ID; id++) {
      expect(structures.define(names(2, `of ${id} `))).toBe(id)
    }
    expect(structures.count).toBe(31)
    expect(structures.define(['one', 'more'])).toBe(ONE_TIME_ID)
    expect(structures.count).toBe(31)
  })

  it('remembers 8,192 names of those that were taken back', () => {
    const structures = new Structures()
    for (let round = 0; round < 64; round++) {
      expect(structures.define(names(128, `${round} `))).toBe(FIRST_ID)
      structures.keep(0)
    }
    expect(structures.define(['one more'])).toBe(ONE_TIME_ID)
  })

  it('gives the ids of those that are taken back to others', () => {
    const structures = new Structures()
    expect([structures.define(['a']), structures.define(['b']), structures.define(['c'])]).toEqual([
      FIRST_ID,
      FIRST_ID + 1,
      FIRST_ID + 2,
    ])
    structures.keep(1)
    expect([structures.root.next('a')?.id, structures.root.next('b')?.id]).toEqual([FIRST_ID, 0])
    expect(structures.define(['c'])).toBe(FIRST_ID + 1)
  })
})

it.each([
  [128, 1],
  [129, 2],
])('an object of %i names defines them %i times in a frame', (count, times) => {
  const writer = new MessageWriter()
  const value = Object.fromEntries(names(count, 'name').map((name) => [name, 1]))
  const first = writer.write(value)
  expect(writer.write(value)).toBe(times === 1 ? 1 + count : first)
})
