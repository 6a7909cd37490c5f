import type { SeededRandom } from '@holdfast/testing/environment'
import { pick } from './draw.ts'

const NAMES = ['id', 'name', 'x', 'y', 'to', 'amount', 'list', '', '0', 'a b', 'constructor', 'toString', 'ä']
const TEXTS = [
  '',
  'a',
  'twelve bytes',
  'thirteen long',
  'ä€😀',
  '\ufeffmark',
  'x'.repeat(40),
  'y'.repeat(300),
]
const SHAPES: readonly (readonly string[])[] = [
  ['id', 'name'],
  ['x', 'y', 'z'],
  ['to', 'amount'],
  ['kind', 'at', 'list', 'inner'],
  [],
]

/** A value that every codec for values takes: one of each kind that the format has, sooner or later. */
export function drawValue(random: SeededRandom, depth = 3): unknown {
  const kind = random.below(depth === 0 ? 9 : 14)
  switch (kind) {
    case 0:
      return random.below(200) - 40
    case 1:
      return pick(random, [
        random.uint32(),
        -random.uint32(),
        random.uint32() * 0x10_0000,
        0.5,
        Number.NaN,
        Infinity,
      ])
    case 2:
    case 3:
      return pick(random, TEXTS)
    case 4:
      return pick(random, [null, undefined, true, false])
    case 5:
      return BigInt(random.uint32()) * BigInt(random.uint32()) - (random.below(2) === 0 ? 0n : 2n ** 62n)
    case 6:
      return new Date(pick(random, [0, 1500, -1, 1e12 + random.uint32(), -8.64e15]))
    case 7:
      return binary(random)
    case 8:
      return random.below(70_000)
    case 9:
      return Array.from({ length: random.below(5) }, () => drawValue(random, depth - 1))
    case 10:
      return new Map(
        Array.from({ length: random.below(4) }, () => [drawValue(random, 0), drawValue(random, depth - 1)]),
      )
    case 11:
      return new Set(Array.from({ length: random.below(4) }, () => drawValue(random, 0)))
    default: {
      const names = random.below(3) === 0 ? [pick(random, NAMES), pick(random, NAMES)] : pick(random, SHAPES)
      return Object.fromEntries(names.map((name) => [name, drawValue(random, depth - 1)]))
    }
  }
}

function binary(random: SeededRandom): unknown {
  const bytes = Uint8Array.from(random.bytes(8 * random.below(5)))
  switch (random.below(5)) {
    case 0:
      return bytes.buffer
    case 1:
      return new Float64Array(bytes.buffer)
    case 2:
      return new BigInt64Array(bytes.buffer)
    case 3:
      return new Int16Array(bytes.buffer)
    default:
      return bytes
  }
}
