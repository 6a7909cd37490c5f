import { codecContract } from '@holdfast/testing/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, messagePackCodec } from './index.ts'
import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from './msgpackr.ts'
import { bytesOf, difference, encode, storables, thrownBy } from './values.fixture.ts'

codecContract<unknown>('msgpack-1', () => ({
  codec: messagePackCodec,
  values: [
    { id: 1, name: 'Zürich', at: { x: 8.5, y: 47.4 }, tags: ['a', 'b'] },
    new Map<unknown, unknown>([[{ id: 2 }, new Set([1n, null])]]),
    { id: 3, name: 'Genève', at: { x: 6.1, y: 46.2 }, tags: [] },
    'text',
    new Float64Array([1.5, -0]),
    new Date(1_700_000_000_123),
    undefined,
    -7,
    {},
    '',
    Uint8Array.of(1, 2, 3),
    new Uint8Array(16).buffer,
  ],
  refused: [
    () => 1,
    -0,
    { deep: [{ down: Symbol('x') }] },
    new Map([['key', '\ud800']]),
    Buffer.from('x'),
    new (class City {})(),
  ],
}))

function roundTrip(value: unknown): unknown {
  return messagePackCodec.decode(encode(messagePackCodec, [value]), 1)[0]
}

/** Containers inside each other. */
function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 'core'
  for (let level = 0; level < levels; level++) value = wrap(value)
  return value
}

const WRAPS: [string, (inner: unknown) => unknown][] = [
  ['arrays', (inner) => [inner]],
  ['objects', (inner) => ({ inner })],
  ['Map values', (inner) => new Map([[1, inner]])],
  ['Map keys', (inner) => new Map([[inner, 1]])],
  ['Sets', (inner) => new Set([inner])],
]

describe('what comes back exactly', () => {
  const edges = [0, 1, 31, 32, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2 ** 31, 2 ** 32]
  const integers = [...edges, 2 ** 53 - 1, 2 ** 53, 1e300].flatMap((edge) => [
    edge,
    -edge,
    edge - 1,
    -edge - 1,
  ])
  const counts = [0, 1, 2, 15, 16, 17, 300, 65_535, 65_536]
  const lengths = [0, 1, 3, 4, 12, 13, 15, 16, 21, 22, 31, 32, 63, 64, 65, 255, 256, 65535, 65536, 70000]

  it.each<[string, unknown[]]>([
    ['integers', integers.map((value) => value + 0)],
    ['other numbers', [0.1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324]],
    ['bigints', [0n, 1n, -1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)]],
    ['null, undefined, booleans', [null, undefined, true, false]],
    ['strings of ASCII', lengths.map((length) => 'x'.repeat(length))],
    [
      'strings of more',
      lengths.flatMap((length) => ['é'.repeat(length), '中'.repeat(length), '😀'.repeat(length)]),
    ],
    [
      'strings with a byte order mark',
      lengths.flatMap((length) => [`\ufeff${'x'.repeat(length)}`, `${'x'.repeat(length)}\ufeff`]),
    ],
    [
      'dates',
      [
        0,
        1,
        -1,
        999,
        1000,
        2 ** 31 * 1000,
        2 ** 32 * 1000,
        2 ** 32 * 1000 - 1,
        8.64e15,
        -8.64e15,
        -62135596800001,
      ].map((time) => new Date(time)),
    ],
    ['arrays', counts.map((length) => Array.from({ length }, (_, index) => index))],
    ['arrays of undefined', [[undefined], [undefined, null, undefined]]],
    ['Maps', counts.map((length) => new Map(Array.from({ length }, (_, index) => [index, [index]])))],
    [
      'Maps with any keys',
      [
        new Map<unknown, unknown>([
          [Number.NaN, 1],
          [undefined, 2],
          [{ a: 1 }, 3],
          [{ a: 1 }, 4],
          ['a', 5],
          [new Map(), 6],
        ]),
      ],
    ],
    ['Sets', counts.map((length) => new Set(Array.from({ length }, (_, index) => index)))],
    ['Sets of objects that are alike', [new Set([{ a: 1 }, { a: 1 }, [1], [1]])]],
    [
      'objects with many properties',
      [0, 1, 15, 16, 17, 300, 65_536].map((length) =>
        Object.fromEntries(Array.from({ length }, (_, index) => [`p${index}`, index])),
      ),
    ],
    [
      'objects with odd names',
      [
        Object.fromEntries(
          [
            '',
            ' ',
            '"',
            "'",
            '`',
            '\\',
            '\n',
            '\u2028',
            '\ufeff',
            '${x}',
            ']:value(),x:[',
            '});//',
            'constructor',
            'prototype',
            'toString',
            'valueOf',
            'hasOwnProperty',
            'toJSON',
            'then',
            'get',
            'set',
            'async',
            'class',
            '10',
            '9',
            '-1',
            '1e3',
            'é',
            '__proto',
            '_proto__',
            '__keys',
            'x'.repeat(5000),
          ].map((name, index) => [name, index]),
        ),
      ],
    ],
    [
      'objects with the names of methods',
      [{ constructor: 1, toJSON: 2, hasOwnProperty: 3, valueOf: null, next: undefined }],
    ],
  ])('%s', (_, values) => {
    for (const value of values) expect(difference(roundTrip(value), value)).toBeUndefined()
    // Twenty times in one frame: now structures are shared, and records are read by a function made for them.
    const small = values.filter((value) => encode(messagePackCodec, [value]).length < 20_000)
    const many = Array.from({ length: 20 }, () => small).flat()
    expect(
      difference(messagePackCodec.decode(encode(messagePackCodec, many), many.length), many),
    ).toBeUndefined()
  })

  it('binary data, bit by bit, in memory of its own', () => {
    const bytes = Uint8Array.from({ length: 64 }, (_, index) => (index * 37 + 250) & 0xff)
    for (const TypedArray of [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ]) {
      const values = [
        new TypedArray(0),
        new TypedArray(bytes.slice().buffer),
        new TypedArray(bytes.buffer, 8, 2),
        new TypedArray(40_000),
      ]
      for (const value of values) {
        const back = roundTrip(value) as Uint8Array
        expect(difference(back, value)).toBeUndefined()
        expect(back.buffer.byteLength).toBe(value.byteLength)
      }
    }
    for (const size of [0, 1, 254, 255, 65534, 65535, 70000]) {
      const buffer = new Uint8Array(size).fill(5).buffer
      expect(difference(roundTrip(buffer), buffer)).toBeUndefined()
    }
  })

  it.each(WRAPS)('%s, %j deep at most', (_, wrap) => {
    const value = nested(MAX_DEPTH, wrap)
    expect(difference(roundTrip(value), value)).toBeUndefined()
    const error = thrownBy(() => roundTrip(nested(MAX_DEPTH + 1, wrap)))
    expect(error).toMatchObject({
      code: 'NOT_SERIALIZABLE',
      details: { reason: 'is more than 256 containers deep, or inside itself' },
    })
  })

  it('records of more structures than can be defined at once, nested and in turn', () => {
    const shapes = Array.from({ length: 200 }, (_, shape) => ({
      [`a${shape}`]: shape,
      [`b${shape}`]: { [`c${shape % 50}`]: shape },
    }))
    const deep = shapes.reduce<unknown>(
      (inner, shape, index) => (index % 2 === 0 && index < 400 ? { ...shape, inner } : inner),
      null,
    )
    const values = [...shapes, deep, ...[...shapes].reverse(), deep, ...shapes, shapes, {}, [{}, {}]]
    expect(
      difference(messagePackCodec.decode(encode(messagePackCodec, values), values.length), values),
    ).toBeUndefined()
  })

  it('twenty thousand structures', () => {
    const values = Array.from({ length: 20_000 }, (_, index) => ({
      [`key${index}`]: index,
      same: { id: index },
    }))
    expect(
      difference(messagePackCodec.decode(encode(messagePackCodec, values), values.length), values),
    ).toBeUndefined()
  })

  it('property: any frame of any values', () => {
    fc.assert(
      fc.property(storables, (values) => {
        const bytes = encode(messagePackCodec, values)
        expect(difference(messagePackCodec.decode(bytes, values.length), values)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})

describe('what a codec does to values', () => {
  it('captures them: they may change afterwards', () => {
    const value = { list: [1], map: new Map([['a', 1]]), bytes: Uint8Array.of(1) }
    const encoder = messagePackCodec.encoder()
    encoder.add(value)
    value.list.push(2)
    value.map.clear()
    value.bytes.fill(9)
    const bytes = Buffer.alloc(encoder.bytes)
    encoder.copyTo(bytes, 0)
    expect(messagePackCodec.decode(bytes, 1)).toStrictEqual([
      { list: [1], map: new Map([['a', 1]]), bytes: Uint8Array.of(1) },
    ])
  })

  it('takes what is frozen, and gives back what is not', () => {
    const back = roundTrip(Object.freeze({ list: Object.freeze([1]) })) as { list: number[] }
    back.list.push(2)
    expect(back).toStrictEqual({ list: [1, 2] })
  })

  it('makes two of an object that is reachable twice', () => {
    const city = { name: 'Bern' }
    const [a, b] = roundTrip([city, city]) as [unknown, unknown]
    expect(a).toStrictEqual(b)
    expect(a).not.toBe(b)
  })

  it('calls no toJSON', () => {
    const date = new Date(5)
    expect(roundTrip({ date, toJSON: 'a name like any other' })).toStrictEqual({
      date,
      toJSON: 'a name like any other',
    })
  })

  it('encodes one value the same way whatever came before it in other frames', () => {
    const value = { id: 1, at: { x: 1.5 } }
    const bytes = encode(messagePackCodec, [value])
    for (let index = 0; index < 50; index++) encode(messagePackCodec, [{ [`other${index}`]: 1 }, value])
    expect(encode(messagePackCodec, [value])).toEqual(bytes)
  })

  it('does not keep the buffer that a large value made msgpackr grow', () => {
    roundTrip(new Uint8Array(5_000_000))
    const shared = new Packr().pack(null, REUSE_BUFFER_MODE | RESET_BUFFER_MODE)
    expect(shared.length).toBeLessThanOrEqual(8192)
  })

  it("leaves the application's own use of msgpackr alone", () => {
    const own = new Packr()
    const before = own.pack({ mine: 1 })
    const encoder = messagePackCodec.encoder()
    const packed: Buffer[] = []
    for (let index = 0; index < 2000; index++) {
      encoder.add({ index, text: 'x'.repeat(index % 100) })
      packed.push(own.pack({ index }))
    }
    roundTrip('x'.repeat(5_000_000))
    expect(own.unpack(before)).toEqual({ mine: 1 })
    for (const [index, bytes] of packed.entries()) expect(own.unpack(bytes)).toEqual({ index })
    const values = messagePackCodec.decode(bytesOf(encoder), 2000) as { index: number; text: string }[]
    for (const [index, value] of values.entries()) {
      expect(value).toStrictEqual({ index, text: 'x'.repeat(index % 100) })
    }
  })
})
