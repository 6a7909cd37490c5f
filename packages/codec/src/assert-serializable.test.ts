import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertSerializable, MAX_DEPTH, messagePackCodec } from './index.ts'
import { MAX_VALUE_BYTES } from './limits.ts'
import { storable, thrownBy } from './values.fixture.ts'

class City {
  readonly name = 'Bern'
}
class Cities extends Map<number, City> {}
class List extends Array<number> {}
class Bytes extends Uint8Array {}

function cycle(): unknown {
  const self: { list: unknown[] } = { list: [] }
  self.list.push(self)
  return self
}

function withProperty<T extends object>(value: T, name: PropertyKey, extra: unknown): T {
  return Object.defineProperty(value, name, { value: extra, enumerable: true, configurable: true })
}

function withoutItem(list: unknown[], index: number): unknown[] {
  Reflect.deleteProperty(list, index)
  return list
}

function argumentsOf(...given: unknown[]): unknown {
  return function () {
    return arguments
  }.apply(null, given as [])
}

const MEBIBYTE_OF_TEXT = 'x'.repeat(2 ** 20)

/** -0, so many arrays deep. */
function nested(depth: number): unknown {
  return depth === 0 ? -0 : [nested(depth - 1)]
}

/** `lib: es2023` doesn't know them. */
function resizable(): ArrayBuffer {
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer
  return new Resizable(8, { maxByteLength: 16 })
}

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

function detachedView(): Uint8Array {
  const view = new Uint8Array(8)
  structuredClone(view, { transfer: [view.buffer] })
  return view
}

/** What is refused, by the reason that is given. */
const REFUSED: [reason: string, value: unknown][] = [
  ['is a function', () => 1],
  ['is a function', City],
  ['is a symbol', Symbol('x')],
  ['is -0, which would come back as 0', -0],
  ['is a bigint of more than 64 bits', 2n ** 64n],
  ['is a bigint of more than 64 bits', -(2n ** 63n) - 1n],
  ['is a string with half of a surrogate pair, which UTF-8 cannot hold', '\ud800'],
  ['is a string with half of a surrogate pair, which UTF-8 cannot hold', 'x\udc00'],
  ['is a string with half of a surrogate pair, which UTF-8 cannot hold', `\udc00\ud800${'中'.repeat(100)}`],
  ['is an invalid Date', new Date(Number.NaN)],
  ['is an Error', new TypeError('x')],
  ['is a RegExp', /x/g],
  ['is a Buffer, which would come back as a Uint8Array', Buffer.from('x')],
  ['is an object without a prototype', Object.create(null)],
  ['is an instance of City', new City()],
  ['is an instance of Cities', new Cities()],
  ['is an instance of List', List.of(1)],
  ['is an instance of Bytes', new Bytes(1)],
  ['is an instance of a class', new (class {})()],
  ['is an instance of a class', Object.create({ constructor: 'City' })],
  ['is an instance of Number', Object(1)],
  ['is an instance of Promise', Promise.resolve()],
  ['is an instance of WeakMap', new WeakMap()],
  ['is an instance of DataView', new DataView(new ArrayBuffer(1))],
  ['is an instance of SharedArrayBuffer', new SharedArrayBuffer(1)],
  ['is an instance of Object', Object.create({})],
  ['is an instance of Array', Object.create(Array.prototype)],
  ['is an instance of Map', Object.create(Map.prototype)],
  ['is an instance of Set', Object.create(Set.prototype)],
  ['is an instance of ArrayBuffer', Object.create(ArrayBuffer.prototype)],
  ['is an instance of Date', Object.create(Date.prototype)],
  ['is an instance of Uint8Array', Object.create(Uint8Array.prototype)],
  ['is a Proxy', new Proxy({}, {})],
  ['is a Proxy', new Proxy([], {})],
  ['is of another realm, such as a vm context', runInNewContext('({})')],
  ['is of another realm, such as a vm context', runInNewContext('[1]')],
  ['is of another realm, such as a vm context', runInNewContext('new Map()')],
  ['is of another realm, such as a vm context', runInNewContext('new Set()')],
  ['is of another realm, such as a vm context', runInNewContext('new Date(0)')],
  ['is of another realm, such as a vm context', runInNewContext('new Uint8Array(1)')],
  ['is a view of shared memory', new Uint8Array(new SharedArrayBuffer(1))],
  ['is a resizable ArrayBuffer', resizable()],
  ['has lost its memory to another thread', detached()],
  ['has lost its memory to another thread', detachedView()],
  ['has properties that are not enumerable, or Object.prototype has ones that are', Math],
  [
    'has properties that are not enumerable, or Object.prototype has ones that are',
    Object.defineProperty({ a: 1 }, 'hidden', { value: 1 }),
  ],
  ['has properties that are not enumerable, or Object.prototype has ones that are', argumentsOf(1, 2)],
  ['has symbols for keys', { [Symbol('x')]: 1 }],
  ['has symbols for keys', withProperty([1], Symbol('x'), 1)],
  ['has properties beside what it holds', withProperty([1], 'total', 1)],
  ['has properties beside what it holds', /(?<year>\d+)/.exec('2026')],
  ['has properties beside what it holds', withProperty(new Map(), 'total', 1)],
  ['has properties beside what it holds', withProperty(new Set(), Symbol('x'), 1)],
  ['has properties beside what it holds', withProperty(new Date(), 'zone', 1)],
  ['has properties beside what it holds', withProperty(new ArrayBuffer(1), 'zone', 1)],
  ['has properties beside what it holds', withProperty(new Uint8Array(1), 'constructor', 1)],
]

/** What is refused by its place in another, with the path inside it. */
const REFUSED_INSIDE: [reason: string, at: string, value: unknown][] = [
  ['is a hole in its array', '[1]', withoutItem([1, 2, 3], 1)],
  ['is a hole in its array', '[2]', Object.assign([1, 2], { length: 3 })],
  ['is a property name that cannot be stored', '.__proto__', JSON.parse('{"__proto__":1}')],
  ['is a property name that cannot be stored', '.__keys__', { __keys__: 1 }],
  ['is a string with half of a surrogate pair, which UTF-8 cannot hold', '["\\ud800"]', { '\ud800': 1 }],
  [
    'is a string with half of a surrogate pair, which UTF-8 cannot hold',
    '.keys("\\ud800")',
    new Map([['\ud800', 1]]),
  ],
]

describe('refuses what could not be brought back exactly', () => {
  it.each(REFUSED)('%s', (reason, value) => {
    const places: [at: string, holder: unknown][] = [
      ['$', value],
      ['$[1]', [0, value]],
      ['$.players[3].name', { players: [1, 2, 3, { id: 1, name: value }] }],
      [
        '$.index.get("x")',
        {
          index: new Map([
            ['w', 0 as unknown],
            ['x', value],
          ]),
        },
      ],
    ]
    // A Set makes 0 of -0 by itself.
    if (value !== 0) places.push(['$.index.values()[1]', { index: new Set([0, value]) }])
    for (const [at, holder] of places) expectRefused(holder, at, reason)
  })

  it.each(REFUSED.filter(([, value]) => !Object.is(value, -0)))(
    'as the key of a Map: %s',
    (reason, value) => {
      expect(thrownBy(() => assertSerializable({ index: new Map([[value, 1]]) })).details).toMatchObject({
        at: expect.stringMatching(/^\$\.index\.keys\(.*\)$/) as string,
        reason,
      })
    },
  )

  it.each(REFUSED_INSIDE)('%s: $%s', (reason, at, value) => {
    expectRefused(value, `$${at}`, reason)
    expectRefused([{ deep: value }], `$[0].deep${at}`, reason)
  })

  it('what a subclass, a getter or a Proxy makes of itself is not asked for', () => {
    const spy = {
      get prototype(): never {
        throw new Error('asked')
      },
    }
    expectRefused(
      new Proxy(spy, {
        get: () => {
          throw new Error('asked')
        },
        getPrototypeOf: () => {
          throw new Error('asked')
        },
        ownKeys: () => {
          throw new Error('asked')
        },
      }),
      '$',
      'is a Proxy',
    )
  })

  it('a property called __proto__ does not hide what an object is', () => {
    const city = Object.defineProperty(new City(), '__proto__', { value: Object.prototype })
    expect(() => assertSerializable(city)).toThrow('NOT_SERIALIZABLE')
    expect(() => assertSerializable(withProperty(new City(), '__proto__', Object.prototype))).toThrow(
      'NOT_SERIALIZABLE',
    )
  })

  it('what cannot be read, with what was thrown as the cause', () => {
    const cause = new Error('not today')
    const value = {
      id: 1,
      at: {
        get x() {
          throw cause
        },
      },
    }
    expect(expectRefused([value], '$[0].at.x', 'could not be read').cause).toBe(cause)
    const list = [1, 2]
    Object.defineProperty(list, 1, {
      get() {
        throw cause
      },
      enumerable: true,
    })
    expect(expectRefused({ list }, '$.list[1]', 'could not be read').cause).toBe(cause)
  })

  it('what is inside itself, by the depth', () => {
    const { details } = thrownBy(() => assertSerializable(cycle()))
    expect(details).toMatchObject({ reason: `is more than ${MAX_DEPTH} containers deep, or inside itself` })
    expect(details?.['at']).toBe('$.list[0].list[0].list[0].list[0]….list[0].list[0]')
  })

  it.each<[what: string, value: unknown]>([
    ['texts in objects', Array.from({ length: 257 }, () => ({ text: MEBIBYTE_OF_TEXT }))],
    ['texts in arrays', Array.from({ length: 257 }, () => MEBIBYTE_OF_TEXT)],
    ['ArrayBuffers', Array.from({ length: 257 }, () => new ArrayBuffer(2 ** 20))],
    ['a typed array', new Uint8Array(MAX_VALUE_BYTES + 1)],
    [
      'an array of so many values that its own header is too much',
      Object.assign([], { length: MAX_VALUE_BYTES }),
    ],
  ])('what is larger than any frame, before it is encoded: %s', { tags: ['long'] }, (_, value) => {
    expect(thrownBy(() => assertSerializable(value))).toMatchObject({
      code: 'RECORD_TOO_LARGE',
      details: { maxBytes: MAX_VALUE_BYTES },
    })
  })

  it('nothing for its size that may just fit', () => {
    const holes = thrownBy(() => assertSerializable(Object.assign([], { length: MAX_VALUE_BYTES - 8 })))
    expect(holes).toMatchObject({ details: { reason: 'is a hole in its array' } })
  })
})

describe('the path', () => {
  it.each<[string, unknown]>([
    ['$.a.b', { a: { b: -0 } }],
    ['$.größe.$x._y', { größe: { $x: { _y: -0 } } }],
    ['$["a b"]["1"][""]', { 'a b': { '1': { '': -0 } } }],
    [`$["${'n'.repeat(64)}…"]`, { ['n'.repeat(100)]: -0 }],
    [
      '$.get("x").get(1).get(2n).get(null).get(undefined).get(an object)',
      new Map([
        [
          'x',
          new Map([[1, new Map([[2n, new Map([[null, new Map([[undefined, new Map([[{}, -0]])]])]])]])]]),
        ],
      ]),
    ],
    ['$[0].values()[1][2]', [new Set<unknown>([1, [1, 2, -0]])]],
    [`$${'[0]'.repeat(12)}`, nested(12)],
    [`$${'[0]'.repeat(8)}…${'[0]'.repeat(4)}`, nested(13)],
    [`$.${'n'.repeat(64)}`, { ['n'.repeat(64)]: -0 }],
    ['$.keys(a symbol)', new Map([[Symbol.iterator, 1]])],
    ['$.keys(an object)', new Map([[() => 1, 1]])],
  ])('%s', (at, value) => {
    expect(thrownBy(() => assertSerializable(value)).details).toMatchObject({ at })
  })

  it('of what comes after something deep is right too', () => {
    const value = { a: [{ b: new Map([['c', [1]]]) }], d: { e: [1, { f: -0 }] } }
    expect(thrownBy(() => assertSerializable(value)).details).toMatchObject({ at: '$.d.e[1].f' })
  })
})

it('takes whatever comes back exactly', () => {
  fc.assert(fc.property(storable, (value) => assertSerializable(value)))
  for (const value of [
    Object.freeze([1]),
    Object.seal({ a: 1 }),
    [undefined],
    new Uint8Array(resizable()),
    withProperty(new Uint8Array(1), 'dataView', 1),
  ]) {
    expect(() => assertSerializable(value)).not.toThrow()
  }
})

function expectRefused(value: unknown, at: string, reason: string): Error {
  const error = thrownBy(() => assertSerializable(value))
  expect(error).toMatchObject({ code: 'NOT_SERIALIZABLE', details: { at, reason } })
  expect(error.message).toContain(`NOT_SERIALIZABLE: ${at} ${reason}. `)
  const encoder = messagePackCodec.encoder()
  expect(thrownBy(() => encoder.add(value))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    details: { at, reason },
  })
  expect({ count: encoder.count, bytes: encoder.bytes }).toEqual({ count: 0, bytes: 0 })
  return error
}
