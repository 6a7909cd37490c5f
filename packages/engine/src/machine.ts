import { HoldfastError } from '@holdfast/environment'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type {
  CommandContext,
  CommandFunctions,
  CommandTypes,
  Guarded,
  LoggedCommand,
  SchemasFor,
  TypesOfFunctions,
  TypesOfUnion,
} from './commands.ts'
import type { Upgrade } from './upgrade.ts'

/**
 * A state machine as the engine runs it: `defineMachine` makes one out of named commands or a bare
 * `apply`.
 *
 * **The state is a tree.** An object that is reachable in two ways is two objects after a restart.
 */
export interface Machine<State extends object = object, Types extends CommandTypes = CommandTypes> {
  /** Which version of the commands and the state this is, from 1: see `upgrade`. */
  readonly version: number
  readonly initial: () => State
  readonly apply: (state: State, command: LoggedCommand, context: CommandContext) => unknown
  readonly entries: ((state: State) => Iterable<unknown>) | undefined
  readonly restore: ((entries: AsyncIterable<unknown>) => State | Promise<State>) | undefined
  readonly capture: ((state: State) => State) | undefined
  readonly upgrade: Upgrade<State> | undefined
  /** The commands there are; `undefined` where `apply` itself decides. */
  readonly names: ReadonlySet<string> | undefined
  readonly schemas: ReadonlyMap<string, StandardSchemaV1>
  /** Only a type. */
  readonly '~types'?: Types
}

/** The machine of any state and any commands. */
// oxlint-disable-next-line typescript/no-explicit-any -- State is both taken and given: nothing else stands for any of them
export type AnyMachine = Machine<any, any>

/** What every machine has, whichever way its commands are written. */
export interface MachineDefinition<State extends object, Entry = unknown> {
  /**
   * Raise it by one with every change to what `apply` does with a command that may be in a log, or to the
   * shape of the state. From 1 to 2^32 - 1.
   */
  readonly version: number
  /** The state before the first command. Called for each store that is made, and for each replay from the start. */
  readonly initial: () => State
  /**
   * What a snapshot stores: values of any size and number, out of the state while `apply` waits, or out of what
   * `capture` gave. With `restore`.
   * Without the two, the state is stored as it is.
   */
  readonly entries?: (state: State) => Iterable<Entry>
  /** Rebuilds the state out of what `entries` gave. */
  readonly restore?: (entries: AsyncIterable<Entry>) => State | Promise<State>
  /**
   * A view of the state that stays as it is while commands go on changing the state, in a time that does not grow
   * with it: the roots of immutable data, or copies of copy-on-write trees. With it snapshots are written while
   * commands are applied; without it, applying waits until one is written.
   */
  readonly capture?: (state: State) => NoInfer<State>
  /** Reads what an older `version` wrote. Without it a store of an older version is refused. */
  readonly upgrade?: Upgrade<NoInfer<State>>
}

/** A machine of named commands. */
export interface NamedCommands<State extends object, Functions extends CommandFunctions<State>> {
  /**
   * Each one changes the state and returns what the caller of `execute` gets. Synchronous, and
   * deterministic: time and sequence come from its context. To refuse, it throws a `Refusal` before it has
   * changed anything.
   */
  readonly commands: Functions
}

/** A machine that takes commands apart by itself. */
export interface BareApply<
  State extends object,
  Command extends readonly [name: string, argument?: unknown],
  Result,
> {
  /** As a named command, for all of them: `command` is `[name, argument]`. */
  readonly apply: (state: State, command: Command, context: CommandContext) => Result
}

/**
 * Defines a state machine.
 *
 * Throws `ASYNC_APPLY` for a command that is an `async` or a generator function, and `INVALID_ARGUMENT`
 * for what a machine cannot be.
 */
export function defineMachine<
  State extends object,
  Functions extends CommandFunctions<State>,
  Entry = unknown,
>(
  definition: MachineDefinition<State, Entry> & NamedCommands<State, Functions>,
): Machine<State, TypesOfFunctions<Functions>>
export function defineMachine<
  State extends object,
  Command extends readonly [name: string, argument?: unknown],
  Result,
  Entry = unknown,
>(
  definition: MachineDefinition<State, Entry> & BareApply<State, Command, Result>,
): Machine<State, TypesOfUnion<Command, Result>>
export function defineMachine<State extends object>(
  definition: MachineDefinition<State> &
    Partial<NamedCommands<State, CommandFunctions<State>>> &
    Partial<BareApply<State, LoggedCommand, unknown>>,
): Machine<State> {
  const {
    version,
    initial,
    commands,
    apply: bare,
    entries,
    restore,
    capture,
    upgrade,
    ...unknown
  } = definition
  const [misspelt] = Object.keys(unknown)
  if (misspelt !== undefined) throw invalid(`a machine has nothing called '${misspelt}'`)
  if (!Number.isInteger(version) || version < 1 || version > MAX_VERSION) {
    throw invalid(`version must be an integer from 1 to ${MAX_VERSION}, not ${String(version)}`)
  }
  if (typeof initial !== 'function') throw invalid('initial must be a function that gives the first state')
  if ((entries === undefined) !== (restore === undefined)) {
    throw invalid('entries and restore belong together: what one gives is what the other takes')
  }
  if (capture !== undefined && typeof capture !== 'function') {
    throw invalid('capture must be a function that gives a view of the state')
  }
  if ((commands === undefined) === (bare === undefined)) {
    throw invalid('a machine has either commands or a bare apply')
  }
  const apply = commands === undefined ? checked('apply', bare) : dispatcher(commands)
  return {
    version,
    initial,
    apply: apply as Machine<State>['apply'],
    entries,
    restore,
    capture,
    upgrade,
    names: commands && new Set(Object.keys(commands)),
    schemas: new Map(),
  }
}

/**
 * Puts schemas (zod, valibot, arktype: anything that speaks Standard Schema) before commands. They see the
 * argument at the call only: what a schema gives, defaults and conversions included, is what is logged,
 * and a replay never asks it. What it does not accept is refused with `INVALID_COMMAND`.
 */
export function guard<State extends object, Types extends CommandTypes, Schemas extends SchemasFor<Types>>(
  machine: Machine<State, Types>,
  schemas: Schemas,
): Machine<State, Guarded<Types, Schemas>> {
  const all = new Map(machine.schemas)
  for (const [name, schema] of Object.entries(schemas) as [string, StandardSchemaV1 | undefined][]) {
    if (schema === undefined) continue
    if (machine.names?.has(name) === false) throw invalid(`there is no command '${name}' for this schema`)
    if (typeof schema['~standard']?.validate !== 'function') {
      throw invalid(`what guards the command '${name}' is not a Standard Schema`)
    }
    all.set(name, schema)
  }
  const { '~types': _types, ...rest } = machine
  return { ...rest, schemas: all }
}

/** A machine's version is a u32 in the header of each segment and snapshot. */
const MAX_VERSION = 2 ** 32 - 1

type AnyFunction = (...all: never[]) => unknown

function dispatcher(commands: Record<string, AnyFunction>): Machine['apply'] {
  const functions = new Map(
    Object.entries(commands).map(([name, apply]) => [name, checked(`the command '${name}'`, apply)]),
  )
  return (state, [name, argument], context) => {
    const apply = functions.get(name) as
      | ((state: object, argument: unknown, context: CommandContext) => unknown)
      | undefined
    if (apply === undefined) throw unknownCommand(name)
    // Methods may speak to each other: `this` is the object that they were written in.
    return apply.call(commands, state, argument, context)
  }
}

/** The error for a name that the machine does not have. */
export function unknownCommand(name: string): HoldfastError {
  return new HoldfastError('UNKNOWN_COMMAND', `the machine has no command '${name}'`, { details: { name } })
}

function checked(what: string, apply: AnyFunction | undefined): AnyFunction {
  if (typeof apply !== 'function') throw invalid(`${what} must be a function`)
  const kind = Object.prototype.toString.call(apply).slice(8, -1)
  if (kind !== 'Function')
    throw new HoldfastError('ASYNC_APPLY', `${what} must be a plain function, not ${kind}`)
  return apply
}

function invalid(what: string): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', what)
}
