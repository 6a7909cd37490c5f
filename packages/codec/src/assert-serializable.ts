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

/** The step into the container at each depth. */
const steps: Step[] = []
const keys: unknown[] = []
/** Counted down by the least that each value takes, so that what can't fit is refused before it is packed. */
let bytesLeft = 0
let valueIndex: number | undefined
/** The refusal on its way up, to tell it from what a getter threw. */
let refusal: HoldfastError | undefined

const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

/** Property names that are known to be good. Cleared when full: dictionaries have any number of them. */
const goodNames = new Set<string>()
const GOOD_NAMES = 4096
const GOOD_NAME_LENGTH = 64

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
  try {
    checkValue(value, -1, 'property', undefined)
    if (bytesLeft < 0) throw refuseSize()
  } catch (error) {
    throw refusalOr(error, -1, 'property', undefined)
  }
}

/** `depth` is that of the container that holds the value by `step` and `key`; -1: nothing holds it. */
function checkValue(value: unknown, depth: number, step: Step, key: unknown): void {
  switch (typeof value) {
    case 'string':
      bytesLeft -= value.length
      if (!isGoodString(value)) throw refuse(reasons.surrogate, depth, step, key)
      break
    case 'number':
      if (value === 0 && Object.is(value, -0)) throw refuse(reasons.negativeZero, depth, step, key)
      break
    case 'object':
      if (value !== null) checkObject(value, depth + 1, step, key)
      break
    case 'bigint':
      if (value < MIN_INT64 || value > MAX_UINT64) throw refuse(reasons.bigint, depth, step, key)
      break
    case 'function':
      throw refuse(reasons.function, depth, step, key)
    case 'symbol':
      throw refuse(reasons.symbol, depth, step, key)
    default:
  }
}

function isGoodString(value: string): boolean {
  return (value as unknown as WellFormed).isWellFormed()
}

function checkObject(value: object, depth: number, step: Step, key: unknown): void {
  steps[depth] = step
  keys[depth] = key
  if (types.isProxy(value)) throw refuseAt(reasons.proxy, depth)
  // Faster than Object.getPrototypeOf. A property of this name may lie about it, in both directions: as "plain"
  // the object is refused for having such a property, and otherwise it is asked for properly.
  const claim = (value as { __proto__: unknown }).__proto__
  if (claim === Object.prototype) checkRecord(value as Record<string, unknown>, depth)
  else if (claim === Array.prototype && Array.isArray(value)) checkArray(value, depth)
  else checkOther(value, Object.getPrototypeOf(value), depth)
}

function checkOther(value: object, prototype: unknown, depth: number): void {
  if (prototype === Map.prototype && types.isMap(value)) checkMap(value, depth)
  else if (prototype === Set.prototype && types.isSet(value)) checkSet(value, depth)
  else if (prototype === Object.prototype) checkRecord(value as Record<string, unknown>, depth)
  else checkLeaf(value, prototype, depth)
}

/** A container of so many values begins. */
function enter(count: number, depth: number): void {
  if (depth >= MAX_DEPTH) throw refuseAt(reasons.depth, depth)
  bytesLeft -= count + 1
  if (bytesLeft < 0) throw refuseSize()
}

function checkRecord(value: Record<string, unknown>, depth: number): void {
  // In this order: asking for the names makes the loop faster.
  const count = Object.getOwnPropertyNames(value).length
  enter(count, depth)
  let seen = 0
  let name = ''
  try {
    for (name in value) {
      seen++
      if (!goodNames.has(name)) checkName(name, depth)
      const item = value[name]
      if (typeof item === 'string') {
        bytesLeft -= item.length
        if (!isGoodString(item)) throw refuse(reasons.surrogate, depth, 'property', name)
      } else if (typeof item === 'number') {
        if (item === 0 && Object.is(item, -0)) throw refuse(reasons.negativeZero, depth, 'property', name)
      } else if (typeof item !== 'boolean') checkValue(item, depth, 'property', name)
    }
  } catch (error) {
    throw refusalOr(error, depth, 'property', name)
  }
  if (seen !== count) throw refuseAt(reasons.hiddenProperty, depth)
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuseAt(reasons.symbolKey, depth)
}

function checkName(name: string, depth: number): void {
  // msgpackr renames `__proto__`, and keeps its own notes under `__keys__`: an object with a property of that
  // name makes it write records that decode as garbage.
  if (name === '__proto__' || name === '__keys__') throw refuse(reasons.reservedName, depth, 'property', name)
  if (!isGoodString(name)) throw refuse(reasons.surrogate, depth, 'property', name)
  if (name.length > GOOD_NAME_LENGTH) return
  if (goodNames.size === GOOD_NAMES) goodNames.clear()
  goodNames.add(name)
}

function checkArray(value: readonly unknown[], depth: number): void {
  const { length } = value
  enter(length, depth)
  let index = 0
  try {
    for (; index < length; index++) {
      const item = value[index]
      if (typeof item === 'number') {
        if (item === 0 && Object.is(item, -0)) throw refuse(reasons.negativeZero, depth, 'item', index)
      } else if (item !== undefined) checkValue(item, depth, 'item', index)
      else if (!Object.hasOwn(value, index)) throw refuse(reasons.hole, depth, 'item', index)
    }
  } catch (error) {
    throw refusalOr(error, depth, 'item', index)
  }
  if (Object.keys(value).length !== length) throw refuseAt(reasons.namedProperty, depth)
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuseAt(reasons.symbolKey, depth)
}

function checkMap(value: ReadonlyMap<unknown, unknown>, depth: number): void {
  enter(value.size * 2, depth)
  for (const [key, item] of value) {
    checkValue(key, depth, 'key', key)
    checkValue(item, depth, 'entry', key)
  }
  checkBare(value, depth)
}

function checkSet(value: ReadonlySet<unknown>, depth: number): void {
  enter(value.size, depth)
  let index = 0
  for (const member of value) checkValue(member, depth, 'member', index++)
  checkBare(value, depth)
}

function checkLeaf(value: object, prototype: unknown, depth: number): void {
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
  if (REALM_CLASSES.has(name) && (globalThis as Record<string, unknown>)[name] !== constructor) {
    return reasons.realm
  }
  return { ...reasons.instance, text: `is an instance of ${name === '' ? 'a class' : name}` }
}

/** What could be stored if it were of this realm. */
const REALM_CLASSES: ReadonlySet<string> = new Set(['Object', 'Array', 'Map', 'Set', 'Date', 'Uint8Array'])

/** The refusal that is on its way up, or one for what a getter threw. */
function refusalOr(error: unknown, depth: number, step: Step, key: unknown): HoldfastError {
  if (refusal !== undefined && refusal === error) return refusal
  return refuse(reasons.unreadable, depth, step, key, error)
}

function refuseAt(reason: Reason, depth: number): HoldfastError {
  return refuse(reason, depth - 1, steps[depth] as Step, keys[depth])
}

function refuse(reason: Reason, depth: number, step: Step, key: unknown, cause?: unknown): HoldfastError {
  refusal = notSerializable(pathTo(depth, step, key), reason, { index: valueIndex, cause })
  return refusal
}

function refuseSize(): HoldfastError {
  refusal = tooLarge(valueIndex)
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
