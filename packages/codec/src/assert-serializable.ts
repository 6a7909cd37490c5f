import { types } from 'node:util'
import type { HoldfastError } from '@holdfast/environment'
import { MAX_DEPTH, MAX_VALUE_BYTES } from './limits.ts'
import { notSerializable, type Reason, reasons, tooLarge } from './refusals.ts'
import { isTypedArrayPrototype } from './typed-arrays.ts'
import { type Step, stepText } from './value-path.ts'

/*
 * The walk that refuses what could not be brought back exactly. Every value takes it before msgpackr sees it,
 * so it builds no path until something is wrong: where it enters a container it leaves the step there in
 * `steps` and `keys`, and an error reads the path off them.
 */

const steps: Step[] = new Array<Step>(MAX_DEPTH).fill('property')
const keys: unknown[] = new Array<unknown>(MAX_DEPTH).fill(undefined)
/** Counted down by the least that each value takes, so that what can't fit is refused before it is packed. */
let bytesLeft = 0
let valueIndex: number | undefined
/** The refusal on its way up, to tell it from what a getter threw. */
let refusal: HoldfastError | undefined

const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n
const BYTE_ORDER_MARK = 0xfeff

/** Property names that were looked at before. Cleared when full: objects used as dictionaries have any number. */
const goodKeys = new Set<string>()
const GOOD_KEYS = 4096
const GOOD_KEY_LENGTH = 64

/** `lib: es2023` doesn't know it yet; Node has it since 20. */
interface WellFormed {
  isWellFormed(): boolean
}

/**
 * Throws NOT_SERIALIZABLE, with the path in `details.at`, unless `value` comes back from its bytes exactly:
 * null, undefined, booleans, numbers but -0, well-formed strings, 64-bit bigints, valid Dates, Uint8Array and
 * the other typed arrays, ArrayBuffer, and arrays, plain objects, Maps and Sets of these, MAX_DEPTH deep.
 * An object that is reachable twice passes, and comes back as two. `index` names the value among several.
 */
export function assertSerializable(value: unknown, index?: number): void {
  bytesLeft = MAX_VALUE_BYTES
  valueIndex = index
  refusal = undefined
  checkValue(value, -1, 'property', undefined)
  if (bytesLeft < 0) throw tooLarge(index)
}

/** `depth` is that of the container that holds the value by `step` and `key`; -1: nothing holds it. */
function checkValue(value: unknown, depth: number, step: Step, key: unknown): void {
  bytesLeft--
  switch (typeof value) {
    case 'string':
      checkString(value, depth, step, key)
      return
    case 'number':
      if (value === 0 && Object.is(value, -0)) throw refuse(reasons.negativeZero, depth, step, key)
      return
    case 'object':
      if (value !== null) checkContainer(value, depth, step, key)
      return
    case 'bigint':
      if (value < MIN_INT64 || value > MAX_UINT64) throw refuse(reasons.bigint, depth, step, key)
      return
    case 'function':
      throw refuse(reasons.function, depth, step, key)
    case 'symbol':
      throw refuse(reasons.symbol, depth, step, key)
    default:
      return
  }
}

function checkString(value: string, depth: number, step: Step, key: unknown): void {
  bytesLeft -= value.length
  if (!(value as unknown as WellFormed).isWellFormed()) throw refuse(reasons.surrogate, depth, step, key)
  if (value.charCodeAt(0) === BYTE_ORDER_MARK) throw refuse(reasons.byteOrderMark, depth, step, key)
}

function checkContainer(value: object, parentDepth: number, step: Step, key: unknown): void {
  const depth = parentDepth + 1
  if (depth >= MAX_DEPTH || bytesLeft < 0) {
    if (bytesLeft < 0) throw tooLarge(valueIndex)
    throw refuse(reasons.depth, parentDepth, step, key)
  }
  steps[depth] = step
  keys[depth] = key
  if (types.isProxy(value)) throw refuse(reasons.proxy, parentDepth, step, key)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) checkObject(value as Record<string, unknown>, depth)
  else if (prototype === Array.prototype && Array.isArray(value)) checkArray(value, depth)
  else if (prototype === Map.prototype && types.isMap(value)) checkMap(value, depth)
  else if (prototype === Set.prototype && types.isSet(value)) checkSet(value, depth)
  else checkOther(value, prototype, depth)
}

function checkObject(value: Record<string, unknown>, depth: number): void {
  let count = 0
  let key = ''
  try {
    for (key in value) {
      count++
      if (!goodKeys.has(key)) checkKey(key, depth)
      checkValue(value[key], depth, 'property', key)
    }
  } catch (error) {
    throw refusal === error ? error : unreadable(error, depth, 'property', key)
  }
  if (Object.getOwnPropertyNames(value).length !== count) throw refuseAt(reasons.hiddenProperty, depth)
  checkNoSymbols(value, depth)
}

function checkKey(key: string, depth: number): void {
  // msgpackr renames `__proto__` and keeps its own notes under `__keys__`: an object with a property of that
  // name makes it write records that decode as garbage.
  if (key === '__proto__' || key === '__keys__') throw refuse(reasons.reservedKey, depth, 'property', key)
  checkString(key, depth, 'property', key)
  if (key.length > GOOD_KEY_LENGTH) return
  if (goodKeys.size === GOOD_KEYS) goodKeys.clear()
  goodKeys.add(key)
}

function checkArray(value: readonly unknown[], depth: number): void {
  let index = 0
  try {
    for (; index < value.length; index++) {
      const item = value[index]
      if (item === undefined && !Object.hasOwn(value, index)) throw refuse(reasons.hole, depth, 'item', index)
      checkValue(item, depth, 'item', index)
    }
  } catch (error) {
    throw refusal === error ? error : unreadable(error, depth, 'item', index)
  }
  if (Object.keys(value).length !== value.length) throw refuseAt(reasons.namedProperty, depth)
  checkNoSymbols(value, depth)
}

function checkMap(value: ReadonlyMap<unknown, unknown>, depth: number): void {
  for (const [key, item] of value) {
    checkValue(key, depth, 'key', key)
    checkValue(item, depth, 'entry', key)
  }
  checkBare(value, depth)
}

function checkSet(value: ReadonlySet<unknown>, depth: number): void {
  let index = 0
  for (const member of value) checkValue(member, depth, 'member', index++)
  checkBare(value, depth)
}

function checkOther(value: object, prototype: unknown, depth: number): void {
  if (prototype === Date.prototype && types.isDate(value)) {
    if (Number.isNaN(value.getTime())) throw refuseAt(reasons.invalidDate, depth)
    checkBare(value, depth)
  } else if (prototype === ArrayBuffer.prototype && types.isArrayBuffer(value)) {
    if (isDetached(value)) throw refuseAt(reasons.detached, depth)
    if ((value as { resizable?: boolean }).resizable === true) throw refuseAt(reasons.resizable, depth)
    bytesLeft -= value.byteLength
    checkBare(value, depth)
  } else if (isTypedArrayPrototype(prototype) && ArrayBuffer.isView(value)) {
    if (!types.isArrayBuffer(value.buffer)) throw refuseAt(reasons.sharedMemory, depth)
    if (isDetached(value.buffer)) throw refuseAt(reasons.detached, depth)
    // Their own keys are their indices, too many to ask for: other properties are not seen.
    if (Object.hasOwn(value, 'constructor')) throw refuseAt(reasons.namedProperty, depth)
    bytesLeft -= value.byteLength
  } else {
    throw refuseAt(reasonFor(value, prototype), depth)
  }
}

/** What holds its content outside of properties has no properties. */
function checkBare(value: object, depth: number): void {
  if (Reflect.ownKeys(value).length > 0) throw refuseAt(reasons.namedProperty, depth)
}

function checkNoSymbols(value: object, depth: number): void {
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuseAt(reasons.symbolKey, depth)
}

function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false
  try {
    return new Uint8Array(buffer).byteLength !== 0
  } catch {
    return true
  }
}

function reasonFor(value: object, prototype: unknown): Reason {
  if (prototype === null) return reasons.nullPrototype
  if (value instanceof Uint8Array && Buffer.isBuffer(value)) return reasons.buffer
  if (value instanceof Error) return reasons.error
  if (value instanceof RegExp) return reasons.regExp
  const constructor: unknown = (prototype as { constructor?: unknown }).constructor
  const name = typeof constructor === 'function' ? constructor.name : ''
  return { ...reasons.instance, text: `is an instance of ${name === '' ? 'a class' : name}` }
}

function unreadable(cause: unknown, depth: number, step: Step, key: unknown): HoldfastError {
  return refuse(reasons.unreadable, depth, step, key, cause)
}

function refuseAt(reason: Reason, depth: number): HoldfastError {
  return refuse(reason, depth - 1, steps[depth] as Step, keys[depth])
}

function refuse(reason: Reason, depth: number, step: Step, key: unknown, cause?: unknown): HoldfastError {
  refusal = notSerializable(pathTo(depth, step, key), reason, { index: valueIndex, cause })
  return refusal
}

const FIRST_STEPS = 8
const LAST_STEPS = 4

function pathTo(depth: number, step: Step, key: unknown): string {
  if (depth < 0) return '$'
  const texts: string[] = []
  for (let level = 1; level <= depth; level++) texts.push(stepText(steps[level] as Step, keys[level]))
  texts.push(stepText(step, key))
  if (texts.length > FIRST_STEPS + LAST_STEPS) {
    texts.splice(FIRST_STEPS, texts.length - FIRST_STEPS - LAST_STEPS, '…')
  }
  return `$${texts.join('')}`
}
