import { expect, test } from 'vitest'
import { messagePackCodec } from './index.ts'

test('a first look', () => {
  const encoder = messagePackCodec.encoder()
  const values = [
    1,
    -1,
    'x',
    null,
    undefined,
    { a: 1, b: [1, 2, new Map([[{ k: 1 }, new Set([1n])]])] },
    { a: 2, b: [] },
    new Date(0),
    new Float64Array([1.5]),
  ]
  for (const value of values) encoder.add(value)
  const bytes = Buffer.alloc(encoder.bytes)
  encoder.copyTo(bytes, 0)
  expect(messagePackCodec.decode(bytes, values.length)).toStrictEqual(values)
  expect(() => encoder.add({ players: [1, { name: () => 1 }], index: new Map() })).toThrow(
    '$.players[1].name is a function',
  )
  expect(() => encoder.add({ index: new Map([['x', -0]]) })).toThrow('$.index.get("x") is -0')
})
