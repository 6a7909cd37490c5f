/*
 * The path of a value inside another, as a person would write it and as the codec writes it:
 * `$.players.get("anna").items[3]`.
 */

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u
const MAX_KEY_UNITS = 64
const FIRST_STEPS = 8
const LAST_STEPS = 4

export function itemStep(index: number): string {
  return `[${index}]`
}

export function propertyStep(name: string): string {
  return IDENTIFIER.test(name) ? `.${shortened(name)}` : `[${quoted(name)}]`
}

export function entryStep(key: unknown): string {
  return `.get(${keyText(key)})`
}

export function keyStep(key: unknown): string {
  return `.keys(${keyText(key)})`
}

export function memberStep(index: number): string {
  return `.values()[${index}]`
}

/** The steps as one path from the top, `$`, with the middle of a long one left out. */
export function pathOf(steps: readonly string[]): string {
  if (steps.length <= FIRST_STEPS + LAST_STEPS) return `$${steps.join('')}`
  return `$${steps.slice(0, FIRST_STEPS).join('')}…${steps.slice(-LAST_STEPS).join('')}`
}

function keyText(key: unknown): string {
  switch (typeof key) {
    case 'string':
      return quoted(key)
    case 'bigint':
      return `${key}n`
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(key)
    default:
      return key === null ? 'null' : 'an object'
  }
}

function quoted(text: string): string {
  return JSON.stringify(shortened(text))
}

function shortened(text: string): string {
  return text.length > MAX_KEY_UNITS ? `${text.slice(0, MAX_KEY_UNITS)}…` : text
}
