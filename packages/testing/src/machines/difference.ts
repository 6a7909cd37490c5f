import { inspect, isDeepStrictEqual } from 'node:util'

/** Where two values differ first, and what each of them has there. */
export interface Difference {
  /** From the value on, which is `$`: `$.accounts.get('ann').balance`. */
  readonly at: string
  readonly one: string
  readonly other: string
}

/** Further down it is told as a whole: a value that holds itself has no end. */
const MAX_DEPTH = 50

/** The innermost place at which two values differ. The order of properties, of a Map and of a Set counts for nothing. */
export function difference(one: unknown, other: unknown, at = '$', depth = 0): Difference | undefined {
  if (isDeepStrictEqual(one, other)) return undefined
  if (depth < MAX_DEPTH && one !== NOTHING && other !== NOTHING) {
    for (const [step, mine, others] of pairs(one, other)) {
      const inner = difference(mine, others, at + step, depth + 1)
      if (inner !== undefined) return inner
    }
  }
  return { at, one: short(one), other: short(other) }
}

/** A value in a line. */
export function short(value: unknown): string {
  const text = inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 20 })
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}

const MAX_TEXT = 200

/** The step to a property, as one would write it. */
export function propertyStep(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `.${name}` : `[${inspect(name)}]`
}

/** What both hold in the same place, where they are containers of one kind; nothing for what only one of them has. */
function* pairs(one: unknown, other: unknown): Generator<[step: string, one: unknown, other: unknown]> {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return
  if (one instanceof Map && other instanceof Map) {
    for (const key of new Set<unknown>([...one.keys(), ...other.keys()])) {
      // A key that is an object is another one in each.
      if (typeof key === 'object') continue
      if (one.has(key) || other.has(key))
        yield [
          `.get(${inspect(key)})`,
          found(one.has(key), one.get(key)),
          found(other.has(key), other.get(key)),
        ]
    }
    return
  }
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return
  const [mine, others] = [one as Record<string, unknown>, other as Record<string, unknown>]
  for (const name of new Set([...Object.keys(mine), ...Object.keys(others)])) {
    const step = Array.isArray(one) ? `[${name}]` : propertyStep(name)
    yield [
      step,
      found(Object.hasOwn(mine, name), mine[name]),
      found(Object.hasOwn(others, name), others[name]),
    ]
  }
}

const NOTHING = { [inspect.custom]: (): string => 'nothing' }

function found(isThere: boolean, value: unknown): unknown {
  return isThere ? value : NOTHING
}
