import { HoldfastError } from '@holdfast/environment'

/** The error for an option that there is not: one that is misspelt would silently be its default. */
export function noOption(option: string): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', `there is no option '${option}'`, { details: { option } })
}

/** Throws `INVALID_ARGUMENT` for an option of a call that is none of these. */
export function assertOptions(options: object | undefined, names: readonly string[]): void {
  // Not Object.keys: nothing is made for a call.
  for (const name in options) if (!names.includes(name)) throw noOption(name)
}
