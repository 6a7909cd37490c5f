import { assertSerializable } from '@holdfast/codec'
import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import type { AnyMachine } from './machine.ts'

/**
 * Finds out at `open`, and not at the first snapshot, that a state of this kind cannot be stored. Throws
 * `NOT_SERIALIZABLE` with the path of the value inside the state, or inside what `entries` gave.
 */
export function checkInitialState(machine: AnyMachine): void {
  const state: unknown = machine.initial()
  if (typeof state !== 'object' || state === null) {
    throw new HoldfastError('INVALID_ARGUMENT', 'initial must give an object: a state is changed in place')
  }
  if (state === machine.initial()) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      'initial must make a new state each time: every replay begins with one',
    )
  }
  if (machine.entries === undefined) {
    assertSerializable(state)
    return
  }
  let index = 0
  for (const entry of machine.entries(state)) {
    try {
      assertSerializable(entry)
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      throw new HoldfastError(
        'NOT_SERIALIZABLE',
        `entry ${index} of the first state cannot be stored: ${String(error.details?.['at'])} ${String(error.details?.['reason'])}`,
        {
          hint: error.hint,
          details: { ...error.details, index },
          cause: error,
        },
      )
    }
    index += 1
  }
}
