import type { AnyMachine, LoggedCommand } from 'holdfast'
import { short } from './difference.ts'

/** Commands as they would be logged: a machine's schemas have had their say. Throws for one that is none. */
export async function loggedCommands(
  machine: AnyMachine,
  calls: readonly (readonly [name: string, argument?: unknown])[],
): Promise<LoggedCommand[]> {
  if (calls.length === 0) throw new RangeError('there is nothing to find out without any command')
  const commands: LoggedCommand[] = []
  for (const [index, [name, argument]] of calls.entries()) {
    if (machine.names?.has(name) === false) throw new RangeError(`#${index}: there is no command '${name}'`)
    const result = await machine.schemas.get(name)?.['~standard'].validate(argument)
    if (result?.issues !== undefined)
      throw new RangeError(`#${index}: the schema of '${name}' does not take ${short(argument)}`)
    commands.push([name, result === undefined ? argument : result.value])
  }
  return commands
}
