import { types } from 'node:util'
import fc from 'fast-check'
import type { Codec, FrameEncoder } from './codec.ts'

/** All bytes of an encoder. */
export function bytesOf<T>(encoder: FrameEncoder<T>): Buffer {
  const bytes = Buffer.alloc(encoder.bytes)
  encoder.copyTo(bytes, 0)
  return bytes
}

/** The values as one frame. */
export function encode<T>(codec: Codec<T>, values: readonly T[]): Buffer {
  const encoder = codec.encoder()
  for (const value of values) encoder.add(value)
  return bytesOf(encoder)
}

/** What was thrown; a failure if nothing was. */
export function thrownBy(run: () => unknown): Error & { code?: string; details?: Record<string, unknown> } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

/**
 * Where two values differ, stricter than `isDeepStrictEqual`: the order of properties, entries and members
 * counts, and so does every bit of binary data. `undefined` if nowhere.
 */
export function difference(a: unknown, b: unknown, at = '$'): string | undefined {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return Object.is(a, b) ? undefined : at
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${at} (prototype)`
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime()) ? undefined : at
  if (ArrayBuffer.isView(a) || types.isArrayBuffer(a)) {
    return binary(a).equals(binary(b as ArrayBuffer)) ? undefined : at
  }
  if (a instanceof Map)
    return difference([...a].flat(1), [...(b as Map<unknown, unknown>)].flat(1), `${at}(entries)`)
  if (a instanceof Set) return difference([...a], [...(b as Set<unknown>)], `${at}(members)`)
  const names = Reflect.ownKeys(a)
  const others = Reflect.ownKeys(b)
  if (names.length !== others.length) return `${at} (number of properties)`
  for (const [index, name] of names.entries()) {
    if (others[index] !== name) return `${at} (order of properties)`
    const found = difference(Reflect.get(a, name), Reflect.get(b, name), '')
    if (found !== undefined) return `${at}.${String(name)}${found}`
  }
  return undefined
}

function binary(value: ArrayBufferView | ArrayBuffer): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value)
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.constantFrom('\ufeff', `\ufeff${'x'.repeat(70)}`, `${'é'.repeat(20)}\ufeff`, '\0', '\u2028'),
  fc
    .tuple(fc.constantFrom('a', 'é', '中', '😀'), fc.integer({ min: 0, max: 300 }))
    .map(([s, n]) => s.repeat(n)),
)

const name = fc
  .oneof(
    fc.constantFrom(
      'id',
      'name',
      'x',
      'y',
      '',
      '0',
      '10',
      'constructor',
      'toString',
      'hasOwnProperty',
      'toJSON',
    ),
    fc.constantFrom(
      'a b',
      '"',
      "'",
      '`${x}`',
      '\\',
      ']:value(),x:[',
      '\u2028',
      '\ufeff',
      'get',
      'async',
      'then',
    ),
    text,
  )
  .filter((key) => key !== '__proto__' && key !== '__keys__')

const leaf = fc.oneof(
  fc.constantFrom(null, undefined, true, false),
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.double().filter((value) => !Object.is(value, -0)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.date({ noInvalidDate: true }),
  fc.integer({ min: -(2 ** 33), max: 2 ** 33 }).map((seconds) => new Date(seconds * 1000)),
  text,
  fc.oneof(
    fc.int8Array(),
    fc.uint8Array(),
    fc.uint8ClampedArray(),
    fc.int16Array(),
    fc.uint16Array(),
    fc.int32Array(),
    fc.uint32Array(),
    fc.float32Array(),
    fc.float64Array(),
    fc.bigInt64Array(),
    fc.bigUint64Array(),
    fc.uint8Array().map((bytes) => bytes.slice().buffer),
  ),
)

/** Values that come back exactly. */
export const storable: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }).map((items) => [...items]),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((members) => new Set(members)),
  ),
})).value

/** Frames of them. */
export const storables: fc.Arbitrary<unknown[]> = fc
  .array(storable, { maxLength: 12 })
  .map((items) => [...items])
