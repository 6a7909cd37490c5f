import { HoldfastError } from '@holdfast/environment'
import type { AnyMachine } from './machine.ts'

/** What types cannot say, and what JavaScript does not check. Throws `INVALID_ARGUMENT`. */
export function checkOpening(path: string, machine: AnyMachine): void {
  // An empty one would be the directory that the process happens to be in.
  if (typeof path !== 'string' || path === '') {
    throw new HoldfastError('INVALID_ARGUMENT', 'a store needs the path of a directory, as a string')
  }
  if (typeof machine?.initial !== 'function' || typeof machine.apply !== 'function') {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      'a store needs a machine, which defineMachine makes, or the URL of its module',
    )
  }
}
