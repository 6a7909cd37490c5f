/** What kind of container a step of a path goes into. */
export type Step = 'property' | 'item' | 'entry' | 'key' | 'member'

/** Longer keys are cut. */
const KEY_LENGTH = 64

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u

/** One step of a path as a person would write it: `.name`, `["odd name"]`, `[3]`, `.get("x")`. */
export function stepText(step: Step, key: unknown): string {
  switch (step) {
    case 'property':
      return isShortIdentifier(String(key)) ? `.${String(key)}` : `[${quoted(String(key))}]`
    case 'item':
      return `[${String(key)}]`
    case 'entry':
      return `.get(${keyText(key)})`
    case 'key':
      return `.keys(${keyText(key)})`
    case 'member':
      return `.values()[${String(key)}]`
  }
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return quoted(key)
  if (typeof key === 'bigint') return `${key}n`
  if (key === null || (typeof key !== 'object' && typeof key !== 'function' && typeof key !== 'symbol')) {
    return String(key)
  }
  return typeof key === 'symbol' ? 'a symbol' : 'an object'
}

function isShortIdentifier(name: string): boolean {
  return name.length <= KEY_LENGTH && IDENTIFIER.test(name)
}

function quoted(text: string): string {
  return JSON.stringify(text.length > KEY_LENGTH ? `${text.slice(0, KEY_LENGTH)}…` : text)
}
