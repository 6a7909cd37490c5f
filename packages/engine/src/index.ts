export type { Codec } from '@holdfast/codec'
export {
  type Environment,
  type ErrorCode,
  ERROR_CODES,
  GapError,
  HoldfastError,
  isHoldfastError,
  LockedError,
  nodeEnvironment,
  nodeEnvironmentWith,
} from '@holdfast/environment'
export { formatPlan, type RecoveryPlan, type RecoveryProgress } from '@holdfast/recovery'
export type { Durability, LogStats, Pin, PinOptions, PinStats } from '@holdfast/wal'
export type { BackupResult } from './backup.ts'
export type { Change, ChangeOf, ChangesOptions } from './change-feed.ts'
export type { Call, CommandContext, CommandTypes, LoggedCommand, Outcomes } from './commands.ts'
export type { ExecuteEachOptions, LoadProgress, LoadResult } from './execute-each.ts'
export { type AnyMachine, defineMachine, guard, type Machine, type MachineDefinition } from './machine.ts'
export { type CommandsOf, open, type StateOf } from './open.ts'
export type { OpenOptions, ReadOptions, SnapshotVerification } from './open-options.ts'
export { type Moment, openAt, openReadOnly } from './open-read-only.ts'
export type { ReadonlyState } from './readonly-state.ts'
export type { ReadonlyChangesOptions, ReadonlyStore } from './readonly-store.ts'
export type { RecoveryReport } from './recovery-report.ts'
export { isRefusal, Refusal } from './refusal.ts'
export type { ReplayFigures } from './replay.ts'
export type { SnapshotInfo } from './snapshot-info.ts'
export type { SnapshotOptions } from './snapshot-options.ts'
export type { SnapshotMode } from './snapshot-source.ts'
export type { SnapshotStats, TakenSnapshot } from './snapshotter.ts'
export type { ExecuteOptions, Store } from './store.ts'
export type { ApplyFailure, StoreEvents } from './store-events.ts'
export type { StoreStats } from './store-stats.ts'
export type { Upgrade } from './upgrade.ts'
