import { expect, it } from 'vitest'
import { SeededRandom } from './seeded-random.ts'

it('comes again with the same seed, and differently with another', () => {
  const numbers = (seed: number) => {
    const random = new SeededRandom(seed)
    return [random.uint32(), random.uint32(), ...random.bytes(5), random.below(10)]
  }
  expect(numbers(7)).toEqual(numbers(7))
  expect(numbers(7)).not.toEqual(numbers(8))
})

it('spreads evenly, and stays in range', () => {
  const random = new SeededRandom(1)
  const counts = Array.from({ length: 16 }, () => 0)
  for (let draw = 0; draw < 16_000; draw += 1) {
    const place = random.below(16)
    counts[place] = (counts[place] ?? 0) + 1
  }
  for (const count of counts) {
    expect(count).toBeGreaterThan(850)
    expect(count).toBeLessThan(1150)
  }
  expect(random.bytes(1000).every((byte) => byte >= 0 && byte <= 255)).toBe(true)
  expect(new SeededRandom(-1).uint32()).toBeGreaterThanOrEqual(0)
})
