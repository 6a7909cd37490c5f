import type { AnyMachine, LoggedCommand } from 'holdfast'
import { short } from './difference.ts'
import { copyOf } from './stored.ts'

/**
 * Commands as they would be logged: a machine's schemas have had their say. Throws a TypeError for what is no
 * command or no machine at all, and a RangeError for a command that the machine does not take.
 */
export async function loggedCommands(
  machine: AnyMachine,
  calls: readonly unknown[],
): Promise<LoggedCommand[]> {
  if (typeof machine?.schemas?.get !== 'function')
    throw new TypeError('a machine is what defineMachine gives')
  if (!Array.isArray(calls)) throw new TypeError('commands are an array of [name, argument]')
  if (calls.length === 0) throw new RangeError('there is nothing to find out without any command')
  const commands: LoggedCommand[] = []
  for (const [index, call] of calls.entries()) {
    if (!isCall(call)) throw new TypeError(`#${index}: a command is [name, argument], not ${short(call)}`)
    const [name, argument] = call
    if (machine.names?.has(name) === false) throw new RangeError(`#${index}: there is no command '${name}'`)
    const result = await machine.schemas.get(name)?.['~standard'].validate(argument)
    if (result?.issues !== undefined)
      throw new RangeError(`#${index}: the schema of '${name}' does not take ${short(argument)}`)
    const taken = result === undefined ? argument : result.value
    try {
      commands.push([name, copyOf(taken)])
    } catch (error) {
      throw new TypeError(`#${index}: the argument of '${name}' cannot be logged: ${String(error)}`, {
        cause: error,
      })
    }
  }
  return commands
}

function isCall(call: unknown): call is readonly [name: string, argument?: unknown] {
  return Array.isArray(call) && typeof call[0] === 'string' && call.length <= 2
}
