import { expect, it } from 'vitest'
import { readMessages } from './message-reader.ts'
import { MessageWriter } from './message-writer.ts'
import { thrownBy } from './values.fixture.ts'

/** So many bytes at most: less than a frame holds, so that each limit can be met exactly. */
const LIMIT = 1000

function written(writer: MessageWriter): unknown[] {
  const bytes = Buffer.alloc(writer.bytes)
  writer.copyTo(bytes, 0)
  return readMessages(bytes, 1)
}

it.each<[what: string, of: (count: number) => unknown, headerBytes: number, each: number]>([
  ['a text', (count) => 'x'.repeat(count), 3, 1],
  ['a text that is not ASCII', (count) => 'ü'.repeat(count), 3, 2],
  ['an array', (count) => Array.from({ length: count }, () => 1), 3, 1],
  ['a Map', (count) => new Map(Array.from({ length: count }, (_, i) => [0x1_0000 + i, 1])), 3, 6],
  ['a Set', (count) => new Set(Array.from({ length: count }, (_, i) => 0x1_0000 + i)), 6, 5],
  ['binary data', (count) => new Uint8Array(count), 5, 1],
  ['texts in an array', (count) => ['x'.repeat(400), 'x'.repeat(count)], 1 + 3 + 400 + 3, 1],
  ['texts in an object', (count) => ({ a: 'x'.repeat(400), b: 'x'.repeat(count) }), 4 + 4 + 403 + 3, 1],
  ['arrays in arrays', (count) => [[['x'.repeat(500)]], Array.from({ length: count }, () => 1)], 509, 1],
])('a value may take as many bytes as there are, and not one more: %s', (_, of, headerBytes, each) => {
  const before = 'what was there before'
  const most = Math.floor((LIMIT - headerBytes) / each)
  for (const count of [most - 1, most]) {
    const writer = new MessageWriter(LIMIT)
    const alone = writer.write(before)
    const bytes = new MessageWriter().write(of(count))
    expect(writer.write(of(count))).toBe(bytes)
    expect(writer.bytes).toBe(alone + bytes)
  }
  for (const count of [most + 1, most + 2]) {
    const writer = new MessageWriter(LIMIT)
    writer.write(before)
    expect(thrownBy(() => writer.write(of(count)))).toMatchObject({
      code: 'RECORD_TOO_LARGE',
      details: { maxBytes: LIMIT },
      hint: expect.stringContaining('Split it') as string,
    })
    expect(written(writer)).toEqual([before])
  }
})
