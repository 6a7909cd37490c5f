import type { LoggedCommand, Machine, ReadonlyState } from 'holdfast'
import { apply } from './apply.ts'
import { runCheck, type StateCheck } from './machine-subject.ts'
import { copyOf } from './stored.ts'

/** The time of every command, in milliseconds since 1970: the beginning of 2026. */
const TIME_MS = Date.UTC(2026, 0, 1)

/**
 * Whether the state of some prefix of the commands fails a check. What a crash leaves is such a state, so this
 * says the same as a crash at each moment, and a thousand times sooner.
 */
export function aPrefixFails<State extends object>(
  machine: Machine<State>,
  commands: readonly LoggedCommand[],
  check: StateCheck<State>,
): boolean {
  try {
    const state = machine.initial()
    const shown = state as ReadonlyState<State>
    runCheck(check, shown)
    for (const [index, command] of commands.entries()) {
      apply(machine, state, copyOf(command), { seq: index + 1, time: TIME_MS })
      runCheck(check, shown)
    }
    return false
  } catch {
    return true
  }
}
