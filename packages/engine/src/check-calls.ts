import { HoldfastError } from '@holdfast/environment'

/** Commands for `executeAll` come in an array of `[name, argument]`. Throws `INVALID_ARGUMENT`, which says where one is not. */
export function checkCalls(calls: readonly unknown[]): void {
  if (!Array.isArray(calls)) throw invalid('executeAll takes an array of [name, argument]')
  const index = calls.findIndex((call) => !Array.isArray(call))
  if (index !== -1) throw invalid(`command ${index} is not an array of name and argument`, { index })
}

/** What `executeEach` goes through. Throws `INVALID_ARGUMENT`. */
export function checkIterable(calls: unknown): void {
  const iterable = typeof calls === 'object' && calls !== null
  if (!iterable || !(Symbol.iterator in calls || Symbol.asyncIterator in calls))
    throw invalid('executeEach takes an iterable of [name, argument]')
}

function invalid(what: string, details?: Readonly<Record<string, unknown>>): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', what, { outcome: 'not-written', details })
}
