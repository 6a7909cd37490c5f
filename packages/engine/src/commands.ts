import type { StandardSchemaV1 } from '@standard-schema/spec'

/** What `apply` knows about a command beside its argument. All of it comes from the log, so that a replay sees the same. */
export interface CommandContext {
  /** The command's sequence number: from 1, without gaps. */
  readonly seq: number
  /** When its batch was written, in milliseconds since 1970. It never goes back from one command to the next. */
  readonly time: number
}

/** A command as it stands in the log. */
export type LoggedCommand = readonly [name: string, argument: unknown]

/** What each command of a machine takes and gives: the types behind `execute`. */
export type CommandTypes = Record<string, CommandType>

export interface CommandType {
  readonly argument: unknown
  readonly result: unknown
}

/** The functions behind named commands. An `argument` without a type annotation is `never`: annotate it. */
export type CommandFunctions<State> = Record<
  string,
  (state: State, argument: never, context: CommandContext) => unknown
>

/** The argument type of a command's function; `undefined` where it takes none. */
export type ArgumentOf<Apply> = Apply extends (state: never, ...rest: infer Rest) => unknown
  ? Rest extends []
    ? undefined
    : Rest[0]
  : never

/** What named commands take and give. */
export type TypesOfFunctions<Functions> = {
  [Name in keyof Functions]: {
    argument: ArgumentOf<Functions[Name]>
    result: Functions[Name] extends (...all: never[]) => infer Result ? Result : never
  }
}

/** What the commands of a bare `apply` take and give, out of the union of tuples that it accepts. */
export type TypesOfUnion<Command extends readonly [name: string, argument?: unknown], Result> = {
  [Member in Command as Member[0]]: { argument: Member[1]; result: Result }
}

/** Schemas for some of a machine's commands: what a schema gives is what the command takes. */
export type SchemasFor<Types extends CommandTypes> = {
  readonly [Name in keyof Types]?: StandardSchemaV1<unknown, Types[Name]['argument']>
}

/** What commands take once schemas stand before them. */
export type Guarded<Types extends CommandTypes, Schemas> = {
  [Name in keyof Types]: {
    argument: Name extends keyof Schemas
      ? Schemas[Name] extends StandardSchemaV1
        ? StandardSchemaV1.InferInput<Schemas[Name]>
        : Types[Name]['argument']
      : Types[Name]['argument']
    result: Types[Name]['result']
  }
}

/** The commands whose argument may be left out. */
export type NameWithoutArgument<Types extends CommandTypes> = {
  [Name in keyof Types & string]: undefined extends Types[Name]['argument'] ? Name : never
}[keyof Types & string]

/** A command by name, for `executeAll` and `executeEach`. The argument may be left out where it may be undefined. */
export type Call<Types extends CommandTypes> = {
  [Name in keyof Types & string]: undefined extends Types[Name]['argument']
    ? readonly [name: Name, argument?: Types[Name]['argument']]
    : readonly [name: Name, argument: Types[Name]['argument']]
}[keyof Types & string]

/** What `executeAll` gives for each of the calls it got, in their order. */
export type Outcomes<Types extends CommandTypes, Calls extends readonly unknown[]> = {
  -readonly [Index in keyof Calls]: Calls[Index] extends readonly [
    infer Name extends keyof Types,
    ...unknown[],
  ]
    ? PromiseSettledResult<Types[Name]['result']>
    : never
}
