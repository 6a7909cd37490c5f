import assert from 'node:assert/strict'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type FrameEncoder, messagePackCodec } from './index.ts'
import { bytesOf, difference, storable, thrownBy } from './values.fixture.ts'

/** A property that answers `first` when it is read for validation, and from then on does what `then` does. */
function shifting(
  first: unknown,
  then: (holder: Record<string, unknown>) => unknown,
): Record<string, unknown> {
  let reads = 0
  const holder: Record<string, unknown> = { before: 1 }
  Object.defineProperty(holder, 'shifty', {
    enumerable: true,
    configurable: true,
    get: () => (reads++ === 0 ? first : then(holder)),
  })
  holder['after'] = { nested: ['x'] }
  return holder
}

function fail(): never {
  throw new Error('not again')
}

/** Values whose getters do something else the second time: what a validation before packing can't see. */
const shifty = fc.tuple(storable, storable, fc.integer({ min: 0, max: 8 })).map(([first, other, kind]) => {
  const then: ((holder: Record<string, unknown>) => unknown)[] = [
    fail,
    (holder) => Reflect.deleteProperty(holder, 'after'),
    (holder) => Object.assign(holder, { more: 1 }),
    () => () => 1,
    () => Symbol('x'),
    () => new Map([[Buffer.from('x'), new Error('x')]]),
    () => 2n ** 80n,
    () => other,
    (holder) => Object.defineProperty(holder, '__proto__', { value: 1, enumerable: true }),
  ]
  return shifting(first, then[kind] as (holder: Record<string, unknown>) => unknown)
})

/** Values that are refused before anything of them is packed. */
const refused = fc
  .tuple(storable, fc.constantFrom<unknown>(-0, Symbol('x'), fail, Buffer.of(1), new Error('x')))
  .map(([good, bad]) => ({ good, inside: [new Map([['bad', bad]])] }))

type Step =
  | { readonly kind: 'good'; readonly values: readonly unknown[] }
  | { readonly kind: 'refused' | 'shifty'; readonly values: readonly unknown[]; readonly bad: unknown }
  | { readonly kind: 'rollback' }

const good = fc.array(storable, { maxLength: 4 }).map((values) => [...values])
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: good.map((values) => ({ kind: 'good' as const, values })) },
  {
    weight: 3,
    arbitrary: fc.tuple(good, refused).map(([values, bad]) => ({ kind: 'refused' as const, values, bad })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(good, shifty).map(([values, bad]) => ({ kind: 'shifty' as const, values, bad })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'rollback' as const }) },
)

/** Adds one, or several at once. The code of the error, if it was refused. */
function add(encoder: FrameEncoder<unknown>, values: readonly unknown[]): string | undefined {
  try {
    if (values.length === 1) encoder.add(values[0])
    else encoder.addAll(values)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? 'another error'
  }
}

/** What may come of adding values of this kind to an encoder that is open. */
const OUTCOMES = {
  good: ['taken'],
  refused: ['NOT_SERIALIZABLE'],
  shifty: ['taken', 'NOT_SERIALIZABLE and closed'],
}

it('property: whatever happens to an encoder, what it took decodes as what it took, and it knows when to stop', {
  tags: ['long'],
}, () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const encoder = messagePackCodec.encoder()
      let taken: unknown[] = []
      let before: unknown[] = []
      for (const step of steps) {
        if (step.kind === 'rollback') {
          encoder.rollback()
          taken = before
          assert.ok(encoder.closed)
        } else {
          const values = step.kind === 'good' ? step.values : [...step.values, step.bad]
          const wasClosed = encoder.closed
          const code = add(encoder, values)
          const outcome = `${code ?? 'taken'}${encoder.closed ? ' and closed' : ''}`
          const allowed = wasClosed ? ['CLOSED and closed'] : OUTCOMES[step.kind]
          assert.ok(allowed.includes(outcome), outcome)
          // Nothing is left to be given back by what went wrong in the middle.
          if (code !== 'NOT_SERIALIZABLE' && !wasClosed) before = [...taken]
          if (code === 'NOT_SERIALIZABLE' && encoder.closed) before = [...taken]
          if (code === undefined) taken = [...taken, ...values]
        }
        const back = messagePackCodec.decode(bytesOf(encoder), encoder.count)
        expect(encoder.count).toBe(taken.length)
        // Of a value whose getters change what they say, only that it can be read is promised.
        const exact = (values: unknown[]) => values.filter((_, index) => !isShifty(taken[index]))
        expect(difference(exact(back), exact(taken))).toBeUndefined()
      }
    }),
    { numRuns: 200 },
  )
})

function isShifty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'shifty')
}

it('a getter that adds to the encoder of its own value cannot', () => {
  const encoder = messagePackCodec.encoder()
  encoder.add({ id: 1 })
  let reads = 0
  const value = {
    id: 2,
    get more() {
      if (reads++ > 0) encoder.add({ id: 3 })
      return 1
    },
  }
  expect(thrownBy(() => encoder.add(value))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    cause: { code: 'INVALID_ARGUMENT' },
  })
  expect(encoder.closed).toBe(true)
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([{ id: 1 }])
})

it('a getter that closes the encoder of its own value has closed it', () => {
  const encoder = messagePackCodec.encoder()
  encoder.add({ id: 1 })
  const value = {
    get id() {
      encoder.rollback()
      return 2
    },
  }
  expect(() => encoder.add(value)).toThrow('CLOSED')
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([])
})

it('a getter that takes properties away while it is packed takes nothing else down with it', () => {
  const encoder = messagePackCodec.encoder()
  encoder.add({ id: 1 })
  const value = shifting(1, (holder) => Reflect.deleteProperty(holder, 'after'))
  expect(thrownBy(() => encoder.add(value))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    cause: { code: 'DECODE_FAILED' },
  })
  expect(encoder.closed).toBe(true)
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([{ id: 1 }])
})

it('a rollback after a refusal gives back what was added before it', () => {
  const encoder = messagePackCodec.encoder()
  encoder.add(1)
  encoder.add(2)
  expect(() => encoder.add(-0)).toThrow('NOT_SERIALIZABLE')
  encoder.rollback()
  expect(messagePackCodec.decode(bytesOf(encoder), encoder.count)).toStrictEqual([1])
})
