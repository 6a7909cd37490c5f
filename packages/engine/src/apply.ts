import { HoldfastError } from '@holdfast/environment'
import type { LoggedCommand } from './commands.ts'
import type { Machine } from './machine.ts'

/** Applies one command. Throws what `apply` throws, and `ASYNC_APPLY` where it returned a promise. */
export function applyCommand<State extends object>(
  machine: Machine<State>,
  state: State,
  command: LoggedCommand,
  seq: number,
  time: number,
): unknown {
  const result = machine.apply(state, command, { seq, time })
  if (isThenable(result)) throw asyncApply(command, seq, result)
  return result
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

function asyncApply([name]: LoggedCommand, seq: number, promise: PromiseLike<unknown>): HoldfastError {
  // What it comes to is nobody's business any more, and must not end the process as an unhandled rejection.
  promise.then(undefined, () => {})
  return new HoldfastError('ASYNC_APPLY', `the command '${name}' returned a promise`, {
    seq,
    hint: 'It counts as refused, now and at every replay. What it does after its first await is not replayed. Do the asynchronous work before execute.',
  })
}
