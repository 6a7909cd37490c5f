import { inspect } from 'node:util'
import { propertyStep } from './difference.ts'

/** An object that is reachable in two ways. After a restart it is two. */
export interface SharedReference {
  readonly at: string
  readonly alsoAt: string
}

/** The first object in a state that is reachable twice. A frozen array or plain object may be: nobody can tell. */
export function sharedReference(state: object): SharedReference | undefined {
  return walk(state, new Map())
}

/** The first object that is reachable from two states: what happens to it in one happens to it in the other. */
export function sharedBetween(one: object, other: object): SharedReference | undefined {
  const seen = new Map<object, string>()
  return walk(one, seen) ?? walk(other, seen)
}

/** Notes every object by the first way to it; gives the first that had been noted before. */
function walk(state: object, seen: Map<object, string>): SharedReference | undefined {
  const stack: (readonly [at: string, value: unknown])[] = [['$', state]]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [alsoAt, value] = next
    if (typeof value !== 'object' || value === null) continue
    const at = seen.get(value)
    if (at === undefined) {
      seen.set(value, alsoAt)
      stack.push(...partsOf(value, alsoAt).reverse())
    } else if (!isConstant(value)) return { at, alsoAt }
  }
  return undefined
}

function partsOf(value: object, at: string): [at: string, value: unknown][] {
  if (value instanceof Map) {
    return [...(value as Map<unknown, unknown>)].flatMap(([key, item]) => [
      [`${at}.keys()`, key],
      [`${at}.get(${inspect(key, { depth: 0 })})`, item],
    ])
  }
  if (value instanceof Set) return [...(value as Set<unknown>)].map((member) => [`${at}.values()`, member])
  // The elements of a typed array are numbers.
  if (ArrayBuffer.isView(value)) return [[`${at}.buffer`, value.buffer]]
  if (Array.isArray(value)) return value.map((item: unknown, index) => [`${at}[${index}]`, item])
  return Object.entries(value).map(([name, item]) => [`${at}${propertyStep(name)}`, item])
}

function isConstant(value: object): boolean {
  const isBare = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  return isBare && Object.isFrozen(value)
}
