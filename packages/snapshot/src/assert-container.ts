import { type InspectOptions, inspect, isDeepStrictEqual, types } from 'node:util'
import { type Binary, CONTAINER, isBinaryKind } from './container.ts'
import { notSerializable } from './refusals.ts'

/** `lib: es2023` doesn't know them yet; Node has them since 20. */
interface WellFormed {
  isWellFormed(): boolean
}
interface Resizable {
  readonly resizable: boolean
}

/**
 * Refuses a container that would not come back exactly, whatever is in it: what the codec checks of one that
 * it gets whole. Throws `NOT_SERIALIZABLE`.
 *
 * Properties that are not enumerable are not looked for in an object: in one of this size that would take
 * longer than writing it. Nor are properties of a typed array.
 */
export function assertContainer(value: unknown, kind: number): void {
  if (typeof value === 'string') {
    if (!(value as unknown as WellFormed).isWellFormed()) {
      throw notSerializable('is a string with half of a surrogate pair, which UTF-8 cannot hold')
    }
    return
  }
  if (types.isProxy(value)) throw notSerializable('is a Proxy')
  if (isBinaryKind(kind)) assertOwnMemory(value as Binary)
  else if (Object.getOwnPropertySymbols(value).length > 0) throw notSerializable('has symbols for keys')
  else if (kind === CONTAINER.array && hasNamedProperties(value as readonly unknown[])) throw named()
  else if (kind !== CONTAINER.array && kind !== CONTAINER.object && Object.keys(value as object).length > 0) {
    throw named()
  }
}

/** No element is shown, only what else there is: without a look at any of them. */
const WITHOUT_ELEMENTS: InspectOptions = {
  maxArrayLength: 0,
  depth: 0,
  breakLength: Infinity,
  customInspect: false,
  getters: false,
  colors: false,
}

/**
 * Asked of `Object.keys`, it would make a string of every index, and stop everything else while it does. `inspect` has a
 * way to ask that takes no longer for more elements. What it does not say in these words is compared with a copy, which
 * lacks such properties: the elements are the very same, and that is all that is looked at.
 */
function hasNamedProperties(value: readonly unknown[]): boolean {
  const { length } = value
  if (inspect(value, WITHOUT_ELEMENTS) === `[ ... ${length} more item${length === 1 ? '' : 's'} ]`)
    return false
  return !isDeepStrictEqual(value, value.slice())
}

function assertOwnMemory(value: Binary): void {
  const memory = types.isArrayBuffer(value) ? value : value.buffer
  if (!types.isArrayBuffer(memory)) throw notSerializable('is a view of shared memory')
  if (memory === value && (memory as unknown as Resizable).resizable) {
    throw notSerializable('is a resizable ArrayBuffer')
  }
  if (memory === value && Object.keys(value).length > 0) throw named()
}

function named(): Error {
  return notSerializable('has properties beside what it holds')
}
