import { expect, it, vi } from 'vitest'
import { isLeaf, type Packed, packLeaf, reasonAgainst } from './leaves.ts'

/** As msgpackr gives it: somewhere in a buffer. */
function packed(head: string, behind = 0): Packed {
  const bytes = Buffer.from(head.replaceAll(' ', ''), 'hex')
  const start = 7
  const whole = Buffer.concat([Buffer.alloc(start, 0xff), bytes, Buffer.alloc(behind + 9)])
  return Object.assign(whole, { start, end: start + bytes.length + behind })
}

const BIGINT = 'bigint'
const OBJECT = 'object'

it.each<[what: string, type: string, head: string, behind: number]>([
  ['a bigint', BIGINT, 'cf', 8],
  ['a negative bigint', BIGINT, 'd3', 8],
  ['a Date in 32 bits', OBJECT, 'd6 ff', 4],
  ['a Date in 64 bits', OBJECT, 'd7 ff', 8],
  ['a Date in 96 bits', OBJECT, 'c7 0c ff', 12],
  ['short binary data', OBJECT, 'c7 05 74', 5],
  ['as much binary data as a Date in 96 bits', OBJECT, 'c7 0c 74', 12],
  ['binary data', OBJECT, 'c8 01 02 74', 0x102],
  ['long binary data', OBJECT, 'c9 00 01 00 01 74', 0x1_0001],
])('takes %s, and not with a byte more or less', (_, type, head, behind) => {
  expect(isLeaf(packed(head, behind), type)).toBe(true)
  expect(isLeaf(packed(head, behind + 1), type)).toBe(false)
  expect(isLeaf(packed(head, behind - 1), type)).toBe(false)
})

it.each<[what: string, type: string, head: string, behind: number]>([
  ['a bigint for another value', OBJECT, 'cf', 8],
  ['a negative bigint for another value', OBJECT, 'd3', 8],
  ['another extension in four bytes', OBJECT, 'd6 01', 4],
  ['another extension in eight bytes', OBJECT, 'd7 01', 8],
  ['a Date in another number of bytes', OBJECT, 'c7 0b ff', 12],
  ['another short extension', OBJECT, 'c7 05 01', 5],
  ['another extension in twelve bytes', OBJECT, 'c7 0c 01', 12],
  ['another extension', OBJECT, 'c8 01 02 01', 0x102],
  ['another long extension', OBJECT, 'c9 00 01 00 01 01', 0x1_0001],
  ['an array', OBJECT, '93', 3],
  ['a string', OBJECT, 'a3', 3],
])('does not take %s', (_, type, head, behind) => {
  expect(isLeaf(packed(head, behind), type)).toBe(false)
})

it("what a large value made msgpackr's buffer grow to is not kept, and what a smaller one did is", () => {
  const buffers = vi.spyOn(Buffer, 'allocUnsafeSlow')
  const taken = () => buffers.mock.calls.splice(0).map(([bytes]) => bytes)
  packLeaf(Uint8Array.of(1))
  taken()
  packLeaf(new Uint8Array(100_000))
  expect(taken()).toEqual([expect.any(Number)])
  packLeaf(new Uint8Array(1_200_000))
  expect(taken().at(-1)).toBe(8192)
  packLeaf(Uint8Array.of(1))
  expect(taken()).toEqual([])
  buffers.mockRestore()
})

it('an instance is told how it can be stored', () => {
  class Bytes extends ArrayBuffer {}
  class Point {}
  for (const [value, name] of [
    [new Bytes(8), 'Bytes'],
    [new Point(), 'Point'],
  ] as const) {
    expect(reasonAgainst(value, Object.getPrototypeOf(value))).toEqual({
      text: `is an instance of ${name}`,
      hint: expect.stringContaining('Store plain data') as string,
    })
  }
})
