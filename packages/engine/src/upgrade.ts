import type { LoggedCommand } from './commands.ts'

/**
 * Reads what an older version of the machine wrote. `from` is the version that wrote it. What is left out
 * reads as it stands: `upgrade: {}` says that nothing changed its shape.
 */
export interface Upgrade<State> {
  /**
   * A command of an older version as a command of this one; `undefined` where it changes nothing any more.
   * Only commands that were accepted come here.
   */
  readonly command?: (command: LoggedCommand, from: number) => LoggedCommand | undefined
  /** A state that an older version stored as it is. It may be changed and returned. */
  readonly state?: (state: unknown, from: number) => State
  /** What the `entries` of an older version gave, as this version's `restore` takes it. */
  readonly entries?: (entries: AsyncIterable<unknown>, from: number) => AsyncIterable<unknown>
}
