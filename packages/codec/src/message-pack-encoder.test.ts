import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FrameEncoder, messagePackCodec, tuple } from './index.ts'
import { bytesOf, difference, encode, storable, thrownBy } from './values.fixture.ts'

/** A value with a getter that does something to it while it is read. */
function shifting(act: (holder: Record<string, unknown>) => unknown): Record<string, unknown> {
  const holder: Record<string, unknown> = { before: 1 }
  Object.defineProperty(holder, 'shifty', { enumerable: true, configurable: true, get: () => act(holder) })
  holder['after'] = { nested: ['x'] }
  return holder
}

function fail(): never {
  throw new Error('not now')
}

/** What getters do, and what then stands in the bytes; `undefined`: it is refused. */
const ACTS: readonly [
  act: (holder: Record<string, unknown>, other: unknown) => unknown,
  taken: ((other: unknown) => unknown) | undefined,
][] = [
  [fail, undefined],
  [(holder) => Reflect.deleteProperty(holder, 'after'), undefined],
  [
    (holder) => {
      Reflect.deleteProperty(holder, 'after')
      Object.assign(holder, { more: 1 })
    },
    undefined,
  ],
  [() => () => 1, undefined],
  [() => Symbol('x'), undefined],
  [() => new Map([[Buffer.from('x'), new Error('x')]]), undefined],
  [() => 2n ** 80n, undefined],
  [(_, other) => other, (other) => ({ before: 1, shifty: other, after: { nested: ['x'] } })],
  // What was not there when it began does not count.
  [
    (holder) => Object.assign(holder, { more: 1 })['before'],
    () => ({ before: 1, shifty: 1, after: { nested: ['x'] } }),
  ],
  [
    (holder) => {
      holder['after'] = 'else'
      return 2
    },
    () => ({ before: 1, shifty: 2, after: 'else' }),
  ],
]

const shifty = fc.tuple(storable, fc.constantFrom(...ACTS)).map(([other, [act, taken]]) => ({
  value: shifting((holder) => act(holder, other)),
  taken: taken === undefined ? undefined : { value: taken(other) },
}))

const refused = fc
  .tuple(storable, fc.constantFrom<unknown>(-0, Symbol('x'), fail, Buffer.of(1), new Error('x')))
  .map(([good, bad]) => ({ value: { good, inside: [new Map([['bad', bad]])] }, taken: undefined }))

/** A value to be added, with what is taken of it; or a call. */
type Step =
  | { readonly value: unknown; readonly taken: { readonly value: unknown } | undefined }
  | 'mark'
  | 'rollback'

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: storable.map((value) => ({ value, taken: { value } })) },
  { weight: 3, arbitrary: refused },
  { weight: 3, arbitrary: shifty },
  { weight: 2, arbitrary: fc.constantFrom('mark' as const, 'rollback' as const) },
)

it('property: whatever happens to an encoder, what it took decodes as what it took, and it goes on', {
  tags: ['long'],
}, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const encoder = messagePackCodec.encoder()
      let taken: unknown[] = []
      let marked: unknown[] = []
      for (const step of steps) {
        if (step === 'mark') {
          encoder.mark()
          marked = taken
        } else if (step === 'rollback') {
          encoder.rollback()
          taken = marked
        } else if (step.taken === undefined) {
          assert.throws(() => encoder.add(step.value), { code: 'NOT_SERIALIZABLE' })
        } else {
          encoder.add(step.value)
          taken = [...taken, step.taken.value]
        }
        const back = messagePackCodec.decode(bytesOf(encoder), encoder.count)
        expect(difference(back, taken)).toBeUndefined()
      }
    }),
    { numRuns: 300 },
  )
})

it.each<[what: string, use: (encoder: FrameEncoder<unknown>) => void]>([
  ['adds to', (encoder) => encoder.add({ id: 3 })],
  ['gives back from', (encoder) => encoder.rollback()],
  ['marks', (encoder) => encoder.mark()],
])('a getter that %s the encoder of its own value cannot', (_, use) => {
  const encoder = messagePackCodec.encoder()
  encoder.add({ id: 1 })
  const value = {
    id: 2,
    get more() {
      use(encoder)
      return 1
    },
  }
  expect(thrownBy(() => encoder.add(value))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    details: { at: '$.more', reason: 'could not be read' },
    cause: { code: 'INVALID_ARGUMENT' },
  })
  encoder.add({ id: 4 })
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([{ id: 1 }, { id: 4 }])
})

it('a getter that uses another encoder is nothing to this one', () => {
  const [encoder, other] = [messagePackCodec.encoder(), messagePackCodec.encoder()]
  const value = {
    id: 1,
    get more() {
      other.add({ id: 2, text: 'x'.repeat(1000), at: new Date(0) })
      return 'more'
    },
  }
  encoder.add(value)
  expect(messagePackCodec.decode(bytesOf(encoder), 1)).toStrictEqual([{ id: 1, more: 'more' }])
  expect(other.count).toBe(1)
})

it('a refusal takes the structures back that it defined', () => {
  const encoder = messagePackCodec.encoder()
  encoder.add({ id: 1 })
  expect(() => encoder.add({ name: 'x', at: { lat: 1, lon: -0 } })).toThrow('NOT_SERIALIZABLE')
  encoder.add({ at: { lat: 2, lon: 3 }, name: 'y' })
  encoder.add({ name: 'z', at: { lat: 4, lon: 5 } })
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([
    { id: 1 },
    { at: { lat: 2, lon: 3 }, name: 'y' },
    { name: 'z', at: { lat: 4, lon: 5 } },
  ])
})

it('values that are refused again and again leave nothing that grows', { tags: ['long'] }, () => {
  const encoder = messagePackCodec.encoder()
  for (let round = 0; round < 2000; round++) {
    const names = Array.from({ length: 50 }, (_, index) => [`n${round}-${index}`, -0])
    expect(() => encoder.add(Object.fromEntries(names))).toThrow('NOT_SERIALIZABLE')
  }
  // What could be remembered of structures is used up: as many names are defined anew each time.
  const wide = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`n${index}`, index]))
  const first = encoder.add(wide)
  expect(encoder.add(wide)).toBe(first)
  expect(messagePackCodec.decode(bytesOf(encoder), 2)).toStrictEqual([wide, wide])
})

/** A member that does something to its collection while it is read. */
function acting(act: () => unknown): unknown {
  return {
    get x() {
      act()
      return 1
    },
  }
}

it('what is added to a collection while it is read does not count', () => {
  const map = new Map<unknown, unknown>()
  map.set(
    'x',
    acting(() => map.set({}, 1)),
  )
  const set = new Set<unknown>()
  set.add(acting(() => set.add(acting(() => set.add({})))))
  expect(messagePackCodec.decode(encode(messagePackCodec, [map, set]), 2)).toStrictEqual([
    new Map([['x', { x: 1 }]]),
    new Set([{ x: 1 }]),
  ])
})

it('what is taken away, or makes an array longer, is refused', () => {
  const map = new Map<unknown, unknown>()
  map.set(
    'x',
    acting(() => map.delete('y')),
  )
  map.set('y', 1)
  const set = new Set<unknown>()
  set.add(acting(() => set.clear()))
  set.add(1)
  const array: unknown[] = []
  array.push(acting(() => array.push(2)))
  for (const value of [map, set, array])
    expect(thrownBy(() => encode(messagePackCodec, [[value]]))).toMatchObject({
      code: 'NOT_SERIALIZABLE',
      details: { at: '$[0]', reason: 'changed while it was read' },
    })
})

it('a rollback after a refusal gives back what was added before it', () => {
  const encoder = messagePackCodec.encoder()
  encoder.add(1)
  encoder.mark()
  encoder.add(2)
  expect(() => encoder.add(-0)).toThrow('NOT_SERIALIZABLE')
  encoder.rollback()
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([1])
})

describe('a tuple', () => {
  it('is encoded like any other array', () => {
    const plain = encode(messagePackCodec, [['put', { id: 1 }]])
    expect(encode(messagePackCodec, [tuple('put', { id: 1 })])).toEqual(plain)
    expect(encode(messagePackCodec, [[tuple('put', { id: 1 }), 2]])).toEqual(
      encode(messagePackCodec, [[['put', { id: 1 }], 2]]),
    )
  })

  it('vouches for itself once', () => {
    const value = tuple(1, 2)
    encode(messagePackCodec, [value])
    expect(thrownBy(() => encode(messagePackCodec, [Object.assign(value, { index: 0 })]))).toMatchObject({
      code: 'NOT_SERIALIZABLE',
    })
  })

  it('vouches for itself only, and for the last one only', () => {
    const first = tuple(1, 2)
    tuple(3)
    for (const value of [Object.assign(first, { index: 0 }), [tuple(Object.assign([4], { index: 0 }))]])
      expect(thrownBy(() => encode(messagePackCodec, [value]))).toMatchObject({
        code: 'NOT_SERIALIZABLE',
        details: { reason: 'has properties beside what it holds' },
      })
  })
})
