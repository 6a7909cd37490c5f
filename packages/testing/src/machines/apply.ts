import { isRefusal, type CommandContext, type LoggedCommand, type Machine } from 'holdfast'
import { difference, short } from './difference.ts'

/** What came of a command. */
export type Outcome =
  | { readonly kind: 'accepted'; readonly result: unknown }
  | { readonly kind: 'refused'; readonly code: string; readonly data: unknown }
  /** It threw something else than a `Refusal`, or gave a promise. */
  | { readonly kind: 'failed'; readonly error: unknown }

/** Applies one command, as the engine does. */
export function apply<State extends object>(
  machine: Machine<State>,
  state: State,
  command: LoggedCommand,
  context: CommandContext,
): Outcome {
  try {
    const result = machine.apply(state, command, context)
    if (!isThenable(result)) return { kind: 'accepted', result }
    // What it comes to is nobody's business, and must not end the process as an unhandled rejection.
    result.then(undefined, () => {})
    return { kind: 'failed', error: new TypeError('it returned a promise: apply is synchronous') }
  } catch (error) {
    if (isRefusal(error)) return { kind: 'refused', code: error.code, data: error.data }
    return { kind: 'failed', error }
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** How two outcomes of one command differ, in words. */
export function outcomesDiffer(one: Outcome, other: Outcome): string | undefined {
  if (one.kind === 'failed' && other.kind === 'failed') return undefined
  const differ = difference(valueOf(one), valueOf(other))
  if (one.kind === other.kind && differ === undefined) return undefined
  return `${describe(one)}, and then ${describe(other)}`
}

/** How two states differ, in words. What `entries` gives counts too: it sees what is private. */
export function statesDiffer<State extends object>(
  machine: Machine<State>,
  one: State,
  other: State,
): string | undefined {
  const state = difference(one, other)
  if (state !== undefined) return `${state.at} is ${state.one}, and then ${state.other}`
  if (machine.entries === undefined) return undefined
  const entries = difference([...machine.entries(one)], [...machine.entries(other)])
  return entries && `of what entries gives, ${entries.at} is ${entries.one}, and then ${entries.other}`
}

function valueOf(outcome: Outcome): unknown {
  if (outcome.kind === 'accepted') return outcome.result
  return outcome.kind === 'refused' ? [outcome.code, outcome.data] : undefined
}

function describe(outcome: Outcome): string {
  if (outcome.kind === 'accepted') return `it gave ${short(outcome.result)}`
  if (outcome.kind === 'failed') return `it threw ${String(outcome.error)}`
  return `it was refused with ${outcome.code} ${outcome.data === undefined ? '' : short(outcome.data)}`.trim()
}
