import { afterEach, expect, it, vi } from 'vitest'
import { readMessages } from './message-reader.ts'
import { MessageWriter, tuple } from './message-writer.ts'
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

afterEach(() => void vi.restoreAllMocks())

it.each<[value: number, hex: string]>([
  [-1, 'ff'],
  [-32, 'e0'],
  [-33, 'd0df'],
  [-128, 'd080'],
  [-129, 'd1ff7f'],
  [-32768, 'd18000'],
  [-32769, 'd2ffff7fff'],
  [-(2 ** 31), 'd280000000'],
])('a negative integer takes as few bytes as it can: %i', (value, hex) => {
  const writer = new MessageWriter()
  writer.write(value)
  const bytes = Buffer.alloc(writer.bytes)
  writer.copyTo(bytes, 0)
  expect(bytes.toString('hex')).toBe(hex)
})

it('a text of up to 31 characters of ASCII is written without a call into native code', () => {
  const write = vi.spyOn(Buffer.prototype, 'write')
  for (const [text, calls] of [
    ['', 0],
    ['a', 0],
    ['\u007f', 0],
    ['x'.repeat(31), 0],
    ['x'.repeat(32), 1],
    ['\u0080', 1],
    [`${'x'.repeat(30)}ü`, 1],
  ] as const) {
    write.mockClear()
    const writer = new MessageWriter()
    writer.write(text)
    expect([text, write.mock.calls.length]).toEqual([text, calls])
    expect(written(writer)).toEqual([text])
  }
})

it('the properties of a tuple that was just made are not asked for', () => {
  const writer = new MessageWriter()
  const keys = vi.spyOn(Object, 'keys')
  writer.write(tuple('put', 1))
  expect(keys).not.toHaveBeenCalled()
  writer.write(['put', 1])
  expect(keys).toHaveBeenCalledTimes(1)
})

it('a property that is hidden is found where the others make a structure that is defined', () => {
  const writer = new MessageWriter()
  writer.write({ a: 1 })
  const value = Object.defineProperty({ a: 1 }, 'b', { value: 2, enumerable: false })
  expect(thrownBy(() => writer.write(value))).toMatchObject({
    details: { reason: expect.stringContaining('not enumerable') as string },
  })
})

it('a getter that takes a property away is found out', () => {
  const value: Record<string, unknown> = {
    get a() {
      return Reflect.deleteProperty(value, 'b')
    },
    b: 1,
  }
  expect(thrownBy(() => new MessageWriter().write(value))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    details: { at: '$', reason: 'changed while it was read' },
  })
})

it('a key in a path is cut behind 64 characters', () => {
  for (const [length, shown] of [
    [64, `"${'k'.repeat(64)}"`],
    [65, `"${'k'.repeat(64)}…"`],
  ] as const) {
    const value = new Map([['k'.repeat(length), -0]])
    expect(thrownBy(() => new MessageWriter().write(value)).details).toMatchObject({ at: `$.get(${shown})` })
  }
})

it('a getter cannot begin another frame', () => {
  const writer = new MessageWriter()
  const value = {
    get a() {
      return writer.reset()
    },
  }
  expect(thrownBy(() => writer.write(value))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    cause: { code: 'INVALID_ARGUMENT' },
  })
})
