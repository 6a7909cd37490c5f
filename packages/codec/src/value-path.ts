/** What kind of container a step of a path goes into. */
export type Step = 'property' | 'item' | 'entry' | 'key' | 'member'

/** Longer keys are cut. */
const KEY_LENGTH = 64

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u

/** One step of a path as a person would write it: `.name`, `["odd name"]`, `[3]`, `.get("x")`. */
function stepText(step: Step, key: unknown): string {
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

/** Of a longer path the middle is left out. */
const FIRST_STEPS = 8
const LAST_STEPS = 4

/** The path through so many containers: the step into each of them, and its key. */
export function pathText(steps: readonly Step[], keys: readonly unknown[], depth: number): string {
  const texts: string[] = []
  for (let level = 0; level < depth; level++) texts.push(stepText(steps[level] as Step, keys[level]))
  if (texts.length > FIRST_STEPS + LAST_STEPS) {
    texts.splice(FIRST_STEPS, texts.length - FIRST_STEPS - LAST_STEPS, '…')
  }
  return `$${texts.join('')}`
}
