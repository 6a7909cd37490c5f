import type { SeededRandom } from '@holdfast/testing/environment'
import { type Draw, pick } from './draw.ts'

/** What a number of a format is when somebody means harm, or counts from the wrong end. */
export const NUMBERS: readonly number[] = [
  0,
  1,
  2,
  -1,
  0.5,
  63,
  64,
  9_999_999_999,
  10_000_000_000,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 52,
  2 ** 53 - 65,
  2 ** 53 - 2,
  2 ** 53 - 1,
  2 ** 53,
  1e300,
]

const STRINGS: readonly string[] = [
  '"__proto__"',
  '""',
  '"' + '0'.repeat(32) + '"',
  '"' + 'f'.repeat(64) + '"',
  '"../../etc"',
  '"\\ud800"',
  '"\\u0000"',
]

const WHOLE: readonly string[] = [
  'null',
  'true',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '1e999',
  '-0',
  '-1',
  '0.1',
  '9007199254740993',
  '"1"',
  '{"__proto__":{"polluted":1}}',
  '{"length":1000000000}',
  '{"toJSON":1}',
  '{"constructor":{"prototype":1}}',
  '['.repeat(3000) + ']'.repeat(3000),
  '{"a":'.repeat(500) + '1' + '}'.repeat(500),
]

/** JSON text with its values, names and brackets changed: most of the time it is still JSON. */
export function mutateJson(text: string, random: SeededRandom, draw: Draw): string {
  const tokens = tokensOf(text)
  if (tokens.length === 0) return text
  const at = random.below(tokens.length)
  const [start, end] = tokens[at] as Token
  const token = text.slice(start, end)
  const replace = (by: string): string => {
    draw.say(() => `JSON at ${start}: ${token.slice(0, 40)} becomes ${by.slice(0, 40)}`)
    return text.slice(0, start) + by + text.slice(end)
  }
  switch (random.below(8)) {
    case 0:
    case 1:
      return replace(/^[-\d]/.test(token) ? numberFor(token, random) : pick(random, WHOLE))
    case 2:
      return replace(pick(random, WHOLE))
    case 3:
      return replace(pick(random, STRINGS))
    case 4:
      return replace('')
    case 5: {
      // A piece stands twice: an entry of a list, or a name of an object.
      const [, till] = tokens[Math.min(tokens.length - 1, at + random.below(12))] as Token
      const piece = text.slice(start, till)
      return replace(`${token.length === 1 ? '' : `${piece},`}${token}`)
    }
    case 6: {
      const other = tokens[random.below(tokens.length)] as Token
      return replace(text.slice(other[0], other[1]))
    }
    default:
      return replace(
        `${token.slice(0, -1)}${pick(random, ['', ',', '}', ']', '"', '\\', '\u0000', '"x":1,'])}`,
      )
  }
}

function numberFor(token: string, random: SeededRandom): string {
  const near = Number(token) + random.below(5) - 2
  return random.below(2) === 0 ? String(near) : String(pick(random, NUMBERS))
}

type Token = readonly [start: number, end: number]

function tokensOf(text: string): Token[] {
  return Array.from(
    text.matchAll(/"(?:[^"\\]|\\.)*"|[-\d.eE+]+|[a-z]+|[[\]{}:,]/g),
    (match): Token => [match.index, match.index + match[0].length],
  )
}
