export { copyFile } from './copy-file.ts'
export { makeDirectories } from './directories.ts'
export type { Clock, Environment, Random, Timer, Timers } from './environment.ts'
export { ERROR_CODES, type ErrorCode, type ErrorCodeDescription } from './error-codes.ts'
export {
  GapError,
  HoldfastError,
  type HoldfastErrorFields,
  isHoldfastError,
  LockedError,
  type WriteOutcome,
} from './errors.ts'
export type { File, FileStat, FileSystem, OpenMode } from './file-system.ts'
export { errnoOf, type IoContext, ioError } from './io-error.ts'
export type { DirectoryLock, LockHolder, Locks } from './locks.ts'
export { type NodeEnvironmentOptions, nodeEnvironment, nodeEnvironmentWith } from './node-environment.ts'
export { absolutePath, joinPath, parentPath } from './paths.ts'
export { replaceFile } from './replace-file.ts'
export { isTemporaryName, temporaryName } from './temporary-name.ts'
export { type Timing, type TimingMessage, type TimingName, timing } from './timing.ts'
export { readAll, writeAll, writeAllThrough } from './transfer.ts'
export type { RunTask, WorkerOptions, Workers, WorkerTask } from './workers.ts'
