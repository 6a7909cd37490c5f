import { tuple } from '@holdfast/codec'
import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { LoggedCommand } from './commands.ts'
import { type AnyMachine, unknownCommand } from './machine.ts'

/**
 * A call as it goes to the log: the name is known, and the schema, if there is one, has had its say. A
 * promise only where the schema gives one. Throws `UNKNOWN_COMMAND`, `INVALID_COMMAND`.
 */
export function checkCall(
  machine: AnyMachine,
  name: string,
  argument: unknown,
): LoggedCommand | Promise<LoggedCommand> {
  if (machine.names?.has(name) === false || typeof name !== 'string') throw unknownCommand(String(name))
  const schema = machine.schemas.get(name)
  if (schema === undefined) return tuple(name, argument)
  const result = schema['~standard'].validate(argument)
  if (result instanceof Promise) {
    const checked = result.then((settled): LoggedCommand => [name, valueOf(name, settled)])
    // Whoever asked may be gone by then: of several calls another one was refused at once.
    checked.catch(() => {})
    return checked
  }
  return [name, valueOf(name, result)]
}

function valueOf(name: string, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value
  const words = result.issues.map(({ message, path }) => {
    const at = path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return at ? `${at}: ${message}` : message
  })
  throw new HoldfastError(
    'INVALID_COMMAND',
    `the argument of '${name}' is not what its schema takes: ${words.join('; ')}`,
    {
      details: { name, issues: result.issues },
    },
  )
}

/** The log sees `[name, argument]`; the caller knows the argument only, and gets the path inside that. */
export function pointAtArgument(error: unknown): unknown {
  const at = isHoldfastError(error, 'NOT_SERIALIZABLE') ? error.details?.['at'] : undefined
  if (!isHoldfastError(error) || typeof at !== 'string' || !at.startsWith(ARGUMENT)) return error
  const { index, reason } = error.details as { readonly index?: number; readonly reason?: string }
  const which = index === undefined ? '' : `of command ${index}, `
  const place = `$${at.slice(ARGUMENT.length)}`
  return new HoldfastError('NOT_SERIALIZABLE', `${which}${place} ${reason}`, {
    hint: error.hint,
    outcome: 'not-written',
    details: { ...error.details, at: place },
    cause: error.cause,
  })
}

/** Where the argument stands in what is logged. */
const ARGUMENT = '$[1]'
