import fc from 'fast-check'

/** Values that the codec takes, small. */
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, undefined, true, false, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.double().map((value) => (Object.is(value, -0) ? 0 : value)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.date({ noInvalidDate: true }),
  fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\ufeff')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
  fc.float64Array({ maxLength: 8 }),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => Uint8Array.from(bytes).buffer),
)

const name: fc.Arbitrary<string> = fc
  .string({ maxLength: 12 })
  .filter((text) => text !== '__proto__' && text !== '__keys__')

/** Far too large for one piece, mostly: many of one leaf, and one other value somewhere among them. */
const large = (other: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.tuple(leaf, other, fc.integer({ min: 0, max: 9000 })).map(([value, one, count]) => {
      const array: unknown[] = numbers(count).map(() => value)
      array.splice(count >> 1, 0, one)
      return array
    }),
    fc
      .tuple(leaf, other, fc.integer({ min: 1, max: 3000 }))
      .map(
        ([value, one, count]) =>
          new Map(numbers(count).map((index) => [`key ${index}`, index === 9 ? one : value])),
      ),
    fc
      .tuple(leaf, other, fc.integer({ min: 1, max: 3000 }))
      .map(([value, one, count]) =>
        Object.fromEntries(numbers(count).map((index) => [`k${index * 7}`, index === 9 ? one : value])),
      ),
    fc.integer({ min: 0, max: 9000 }).map((count) => new Set(numbers(count))),
    fc
      .tuple(fc.constantFrom('a', 'é', '\ufeff', '😀', 'x😀'), fc.integer({ min: 0, max: 90_000 }))
      .map(([unit, count]) => `a${unit.repeat(count)}`),
    fc.integer({ min: 0, max: 200_000 }).map((count) => new Uint8Array(count).map((_, index) => index * 7)),
    fc.integer({ min: 0, max: 20_000 }).map((count) => new Float32Array(count).map((_, index) => index / 3)),
    fc
      .integer({ min: 0, max: 20_000 })
      .map((count) => new BigInt64Array(count).map((_, index) => BigInt(index) * -99_999_999_999n)),
  )

/** Values of any size, nested: small ones in large ones in small ones. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    large(tie('value')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(leaf, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(leaf, { maxLength: 6 }).map((members) => new Set(members)),
  ),
})).value

/** What a store could write in a snapshot. */
export const anyState: fc.Arbitrary<unknown[]> = fc.array(anyValue, { minLength: 1, maxLength: 5 })

export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}
