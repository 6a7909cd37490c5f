import { types } from 'node:util'

/*
 * The values that can be taken apart, and their numbers in OPEN.
 *
 * Only what is exactly one of these is taken apart. A subclass, a class instance, an object without a
 * prototype goes to the codec in one piece, which refuses it with its path.
 */

/** Part of the format: what an OPEN opens. */
export const CONTAINER = {
  array: 0,
  object: 1,
  map: 2,
  set: 3,
  string: 4,
  arrayBuffer: 5,
  uint8Array: 6,
  int8Array: 7,
  uint8ClampedArray: 8,
  uint16Array: 9,
  int16Array: 10,
  uint32Array: 11,
  int32Array: 12,
  float32Array: 13,
  float64Array: 14,
  bigUint64Array: 15,
  bigInt64Array: 16,
} as const

/** The typed arrays, in the order of their numbers from `CONTAINER.uint8Array` on. */
const TYPED_ARRAYS = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
] as const

type TypedArrayConstructor = (typeof TYPED_ARRAYS)[number]

/** What can be taken apart into its bytes. */
export type Binary =
  | ArrayBuffer
  | Uint8Array
  | Int8Array
  | Uint8ClampedArray
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array

const KINDS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [Array.prototype, CONTAINER.array],
  [Object.prototype, CONTAINER.object],
  [Map.prototype, CONTAINER.map],
  [Set.prototype, CONTAINER.set],
  [ArrayBuffer.prototype, CONTAINER.arrayBuffer],
  ...TYPED_ARRAYS.map((type, index): [unknown, number] => [type.prototype, CONTAINER.uint8Array + index]),
])

/** What the value would be taken apart as; `undefined` if it cannot be. */
export function containerKind(value: unknown): number | undefined {
  if (typeof value === 'string') return CONTAINER.string
  if (typeof value !== 'object' || value === null) return undefined
  const kind = KINDS.get(Object.getPrototypeOf(value))
  return kind !== undefined && isReally(kind, value) ? kind : undefined
}

/** As `containerKind`, for the codec whose values are all bytes: a Buffer is one more `Uint8Array` to it. */
export function bytesKind(value: unknown): number | undefined {
  return value instanceof Uint8Array ? CONTAINER.uint8Array : undefined
}

/** The prototype is only a claim. */
function isReally(kind: number, value: object): boolean {
  switch (kind) {
    case CONTAINER.array:
      return Array.isArray(value)
    case CONTAINER.object:
      return true
    case CONTAINER.map:
      return types.isMap(value)
    case CONTAINER.set:
      return types.isSet(value)
    case CONTAINER.arrayBuffer:
      return types.isArrayBuffer(value)
    default:
      return types.isTypedArray(value)
  }
}

/** Whether it is a kind of `ArrayBuffer` or typed array. */
export function isBinaryKind(kind: number): boolean {
  return kind >= CONTAINER.arrayBuffer && kind <= CONTAINER.bigInt64Array
}

/** Whether its slots are pieces of it instead of values in it. */
export function isLeafKind(kind: number): boolean {
  return kind === CONTAINER.string || isBinaryKind(kind)
}

/** The bytes of one element of this binary kind. */
export function elementBytes(kind: number): number {
  return kind === CONTAINER.arrayBuffer ? 1 : typeOf(kind).BYTES_PER_ELEMENT
}

/** The bytes of a binary value, as a view. */
export function bytesOf(value: Binary): Uint8Array {
  if (types.isArrayBuffer(value)) return new Uint8Array(value)
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/** The value of a binary kind that these bytes are. Not copied. */
export function binaryFrom(kind: number, bytes: ArrayBuffer): Binary {
  return kind === CONTAINER.arrayBuffer ? bytes : new (typeOf(kind))(bytes)
}

function typeOf(kind: number): TypedArrayConstructor {
  return TYPED_ARRAYS[kind - CONTAINER.uint8Array] as TypedArrayConstructor
}
