import { types } from 'node:util'
import { INLINE_BYTES } from './format.ts'

/*
 * Whether a value is small enough to be handed to the codec in one piece: an upper bound of what the codec
 * can make of it, out of the value alone.
 *
 *   16 for every value, every key of an object and every container
 *   + 3 for each UTF-16 unit of a string or a key
 *   + 1 for each byte of binary data
 *
 * Part of the format as far as digests go: it decides which values are taken apart, so it may depend on
 * nothing that a restored value does not have too. It looks as if the codec could be asked instead. But the
 * codec knows only once it has encoded the value, all of it, in memory.
 */

const VALUE_BYTES = 16
const UNIT_BYTES = 3

/**
 * Whether a value must be taken apart. At most some thousands of steps, however large it is.
 * A value nested deeper than `levels` counts as large: taking it apart finds out whether it may be that deep.
 */
export function exceedsInline(value: unknown, levels: number): boolean {
  return left(value, INLINE_BYTES, levels) < 0
}

/** What is left of `budget` once the value is paid for; negative as soon as it is overdrawn. */
function left(value: unknown, budget: number, levels: number): number {
  if (typeof value === 'string') return budget - VALUE_BYTES - UNIT_BYTES * value.length
  if (typeof value !== 'object' || value === null) return budget - VALUE_BYTES
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return leftOfObject(value as Record<string, unknown>, budget, levels)
  if (prototype === Array.prototype && Array.isArray(value)) return leftOfArray(value, budget, levels)
  if (prototype === Map.prototype && types.isMap(value)) return leftOfMap(value, budget, levels)
  if (prototype === Set.prototype && types.isSet(value)) return leftOfSet(value, budget, levels)
  if (ArrayBuffer.isView(value) || types.isArrayBuffer(value)) return budget - VALUE_BYTES - value.byteLength
  return budget - VALUE_BYTES
}

function leftOfObject(value: Record<string, unknown>, budget: number, levels: number): number {
  if (levels <= 0) return -1
  let rest = budget - VALUE_BYTES
  for (const key in value) {
    rest = left(value[key], rest - VALUE_BYTES - UNIT_BYTES * key.length, levels - 1)
    if (rest < 0) return rest
  }
  return rest
}

function leftOfArray(value: readonly unknown[], budget: number, levels: number): number {
  if (levels <= 0) return -1
  let rest = budget - VALUE_BYTES
  if (value.length * VALUE_BYTES > rest) return -1
  for (let index = 0; index < value.length && rest >= 0; index++) rest = left(value[index], rest, levels - 1)
  return rest
}

function leftOfMap(value: ReadonlyMap<unknown, unknown>, budget: number, levels: number): number {
  if (levels <= 0) return -1
  let rest = budget - VALUE_BYTES
  if (value.size * VALUE_BYTES * 2 > rest) return -1
  for (const [key, item] of value) {
    rest = left(item, left(key, rest, levels - 1), levels - 1)
    if (rest < 0) return rest
  }
  return rest
}

function leftOfSet(value: ReadonlySet<unknown>, budget: number, levels: number): number {
  if (levels <= 0) return -1
  let rest = budget - VALUE_BYTES
  if (value.size * VALUE_BYTES > rest) return -1
  for (const item of value) {
    rest = left(item, rest, levels - 1)
    if (rest < 0) return rest
  }
  return rest
}
