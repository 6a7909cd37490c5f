import { types } from 'node:util'
import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from './msgpackr.ts'
import { type Reason, reasons } from './refusals.ts'
import { isTypedArrayPrototype } from './typed-arrays.ts'

/*
 * Values that hold their content outside of properties, and bigints: msgpackr writes them. Everything else
 * is written by `message-writer.ts`.
 */

const packr = new Packr({ moreTypes: true, useToJSON: false })

/**
 * msgpackr writes into one buffer of the process, which the application's own use of it shares. In this mode
 * `pack` gives back that buffer with `start` and `end`, and leaves the position where it was: we copy the bytes
 * out, and nobody's are overwritten.
 */
const PACK_MODE = REUSE_BUFFER_MODE | RESET_BUFFER_MODE

export interface Packed extends Buffer {
  readonly start: number
  readonly end: number
}

/** What a large value made that buffer grow to is not kept. */
const SHARED_BUFFER_BYTES = 8 * 1024
const MAX_SHARED_BUFFER_BYTES = 1024 * 1024

const DATE = 0xff
const BINARY = 0x74

/** The bytes of a leaf that has no `reasonAgainst`, good until the next call; `undefined` where msgpackr was taught to write something else. */
export function packLeaf(value: unknown): Packed | undefined {
  const packed = packr.pack(value, PACK_MODE) as Packed
  if (packed.byteLength > MAX_SHARED_BUFFER_BYTES)
    packr.useBuffer(Buffer.allocUnsafeSlow(SHARED_BUFFER_BYTES))
  // `addExtension` is for the whole process, and may be for the classes of the language as well.
  return isLeaf(packed, typeof value) ? packed : undefined
}

/** Whether these are bytes that a reader takes for a value of that `typeof`, and all of them. */
export function isLeaf(packed: Packed, type: string): boolean {
  const { start, end } = packed
  const bytes = end - start
  switch (packed[start]) {
    case 0xcf:
    case 0xd3:
      return type === 'bigint' && bytes === 9
    case 0xd6:
      return packed[start + 1] === DATE && bytes === 6
    case 0xd7:
      return packed[start + 1] === DATE && bytes === 10
    case 0xc7:
      return packed[start + 2] === DATE
        ? packed[start + 1] === 12 && bytes === 15
        : packed[start + 2] === BINARY && bytes === 3 + packed.readUInt8(start + 1)
    case 0xc8:
      return packed[start + 3] === BINARY && bytes === 4 + packed.readUInt16BE(start + 1)
    case 0xc9:
      return packed[start + 5] === BINARY && bytes === 6 + packed.readUInt32BE(start + 1)
    default:
      return false
  }
}

/** Why this object, which is no container, cannot be stored; `undefined` where it can. */
export function reasonAgainst(value: object, prototype: unknown): Reason | undefined {
  if (prototype === Date.prototype && types.isDate(value)) {
    if (Number.isNaN(value.getTime())) return reasons.invalidDate
    return hasProperties(value) ? reasons.namedProperty : undefined
  }
  if (prototype === ArrayBuffer.prototype && types.isArrayBuffer(value)) {
    if (isDetached(value)) return reasons.detached
    if ((value as { resizable?: boolean }).resizable === true) return reasons.resizable
    return hasProperties(value) ? reasons.namedProperty : undefined
  }
  if (isTypedArrayPrototype(prototype) && ArrayBuffer.isView(value)) {
    if (!types.isArrayBuffer(value.buffer)) return reasons.sharedMemory
    if (isDetached(value.buffer)) return reasons.detached
    // Their own keys are their indices, too many to ask for: other properties are not seen.
    return Object.hasOwn(value, 'constructor') ? reasons.namedProperty : undefined
  }
  return reasonFor(value, prototype)
}

/** What holds its content outside of properties has no properties. */
export function hasProperties(value: object): boolean {
  return Reflect.ownKeys(value).length > 0
}

function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false
  try {
    return new Uint8Array(buffer).byteLength !== 0
  } catch {
    return true
  }
}

/** What could be stored if it were of this realm. */
const REALM_CLASSES: ReadonlySet<string> = new Set(['Object', 'Array', 'Map', 'Set', 'Date', 'Uint8Array'])

function reasonFor(value: object, prototype: unknown): Reason {
  if (prototype === null) return reasons.nullPrototype
  if (value instanceof Uint8Array && Buffer.isBuffer(value)) return reasons.buffer
  if (value instanceof Error) return reasons.error
  if (value instanceof RegExp) return reasons.regExp
  const constructor: unknown = (prototype as { constructor?: unknown }).constructor
  const name = typeof constructor === 'function' ? constructor.name : ''
  if (REALM_CLASSES.has(name) && (globalThis as Record<string, unknown>)[name] !== constructor) {
    return reasons.realm
  }
  return { ...reasons.instance, text: `is an instance of ${name === '' ? 'a class' : name}` }
}
