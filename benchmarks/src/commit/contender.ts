import type { Target } from '../callers.ts'
import type { CommitCell } from './cell.ts'
import type { Commands } from './command.ts'

/** What a contender is opened for. */
export interface CommitPlace extends CommitCell {
  /** Its own, and empty, or as it left it. */
  readonly directory: string
  readonly commands: Commands
}

/** Something that makes commands durable, or says that it does. */
export interface CommitContender extends Target {
  /** How many commands one `commit` is; 1 where it is not a batch. */
  readonly batch?: number
  /** How many callers there are. Default: as many as are in flight, or one that hands in batches one after the other. */
  readonly callers?: number
  /** Of a command, where it gets bytes of the size asked for and no command. */
  readonly givenBytes?: number
  /** Processor time of another process that works for it, up to now. */
  cpuUsedElsewhereUs?(): Promise<number>
  close(): Promise<void>
}

/** What the file of a contender exports. */
export interface CommitModule {
  readonly open: (place: CommitPlace) => Promise<CommitContender>
  /** How many commands are there, by what was stored alone. What is no storage has none. */
  readonly count?: (place: CommitPlace) => Promise<number>
}
