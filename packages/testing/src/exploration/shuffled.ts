import { SeededRandom } from '../seeded-random.ts'

/** The same in another order, which is for the seed to say: Fisher-Yates. */
export function shuffled<T>(list: readonly T[], seed: number): T[] {
  const random = new SeededRandom(seed)
  const left = [...list]
  const drawn: T[] = []
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1))
  return drawn
}
