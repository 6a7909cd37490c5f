import { HoldfastError } from '@holdfast/environment'

/** The error for an option that there is not: one that is misspelt would silently be its default. */
export function noOption(option: string): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', `there is no option '${option}'`, { details: { option } })
}
