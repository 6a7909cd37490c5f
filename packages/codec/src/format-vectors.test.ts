import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bytesCodec, type Codec, messagePackCodec } from './index.ts'
import { difference, encode } from './values.fixture.ts'

/*
 * docs/format.md pins what the codecs write, byte by byte. If one of these reads differently, the format has
 * changed: what is in the files of users does not change with it.
 */

/** The frames in the document, by how it writes them. */
const FRAMES: Record<string, { codec: Codec<never>; values: unknown[] }> = {
  ...frames(messagePackCodec as Codec<never>, {
    '`0`, `63`, `64`, `255`, `256`, `65536`, `4294967295`': [0, 63, 64, 255, 256, 65536, 4294967295],
    '`-1`, `-32`, `-33`, `-129`, `-32769`, `-2147483648`': [-1, -32, -33, -129, -32769, -2147483648],
    '`4294967296`, `0.5`, `NaN`, `-Infinity`': [4294967296, 0.5, Number.NaN, Number.NEGATIVE_INFINITY],
    '`null`, `undefined`, `false`, `true`': [null, undefined, false, true],
    '`1n`, `-1n`, `18446744073709551615n`': [1n, -1n, 18446744073709551615n],
    '`""`, `"é"`, `"x"` 32 times': ['', 'é', 'x'.repeat(32)],
    '`[]`, `[1, [2]]`': [[], [1, [2]]],
    '`new Map([["a", 1]])`, `new Set([1, "a"])`': [new Map([['a', 1]]), new Set([1, 'a'])],
    '`new Date(0)`, `new Date(1500)`, `new Date(-1)`': [new Date(0), new Date(1500), new Date(-1)],
    '`Uint8Array.of(1, 2)`, `Int16Array.of(-2)`': [Uint8Array.of(1, 2), Int16Array.of(-2)],
    '`Uint8Array.of(7).buffer`': [Uint8Array.of(7).buffer],
    '`{ a: 1, b: 2 }`, `{ a: 3, b: 4 }`, `{}`': [{ a: 1, b: 2 }, { a: 3, b: 4 }, {}],
    '`{ a: { b: 1 } }`, `{ b: 2 }`, `{ a: 3 }`': [{ a: { b: 1 } }, { b: 2 }, { a: 3 }],
  }),
  ...frames(bytesCodec as Codec<never>, {
    'bytes `01 02`, no bytes': [Uint8Array.of(1, 2), new Uint8Array(0)],
  }),
}

function frames(codec: Codec<never>, all: Record<string, unknown[]>): typeof FRAMES {
  return Object.fromEntries(Object.entries(all).map(([text, values]) => [text, { codec, values }]))
}

describe('the vectors in docs/format.md', () => {
  const format = readFileSync(new URL('../../../docs/format.md', import.meta.url), 'utf8')
  const [, section = ''] = format.split('\n## Values\n')
  const documented = [...section.matchAll(/^\| `(msgpack-1|bytes-1)`\s*\| (.+?)\s*\| `([0-9a-f ]+)`\s*\|$/gm)]

  it('are all of them', () => {
    expect(new Set(documented.map(([, , text]) => text))).toEqual(new Set(Object.keys(FRAMES)))
    expect(documented).toHaveLength(Object.keys(FRAMES).length)
  })

  it.each(Object.entries(FRAMES))('%s', (text, { codec, values }) => {
    const [, id, , hex] = documented.find((row) => row[2] === text) ?? []
    expect(id).toBe(codec.id)
    const bytes = Buffer.from((hex as string).replaceAll(' ', ''), 'hex')
    expect(encode(codec, values as never[]).toString('hex')).toBe(bytes.toString('hex'))
    expect(difference(codec.decode(bytes, values.length), values)).toBeUndefined()
  })
})
