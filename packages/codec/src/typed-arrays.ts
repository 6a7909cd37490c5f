/**
 * The typed arrays that can be stored, in the order of msgpackr's type codes: a code is an index into this
 * list. Part of the format. Float16Array is not among them: not every supported runtime has it.
 */
const TYPED_ARRAYS = [
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
]

/** msgpackr's type code of an ArrayBuffer. Part of the format. */
const ARRAY_BUFFER_CODE = 0x10

const prototypes = new Set<unknown>(TYPED_ARRAYS.map((TypedArray) => TypedArray.prototype))

export function isTypedArrayPrototype(prototype: unknown): boolean {
  return prototypes.has(prototype)
}

/** Bytes of one element of what this code stands for; undefined if it stands for nothing. */
export function elementBytes(code: number): number | undefined {
  return code === ARRAY_BUFFER_CODE ? 1 : TYPED_ARRAYS[code]?.BYTES_PER_ELEMENT
}

/** What a code that stands for something makes of this memory. */
export function typedArrayFrom(code: number, memory: ArrayBuffer): unknown {
  const TypedArray = TYPED_ARRAYS[code]
  return TypedArray === undefined ? memory : new TypedArray(memory)
}
