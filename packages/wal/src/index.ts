export { NOTE_MAX_BYTES } from './batch-builder.ts'
export { hasMore } from './has-more.ts'
export type {
  Batch,
  BatchRange,
  CommitConsumer,
  CommittedBatch,
  Durability,
  Evidence,
  Log,
  LogScan,
  LogStats,
  LogStore,
  Mark,
  ScanOptions,
} from './log.ts'
export { LogDirectory } from './log-directory.ts'
export { checkLogOptions, type LogOptions } from './log-options.ts'
export {
  type CleanClose,
  encodeManifest,
  type Manifest,
  type ManifestSegment,
  type ManifestSnapshot,
} from './manifest.ts'
export { checkPin, MAX_PINS, type Pin, type PinOptions, type PinStats } from './pin.ts'
export type { LogPlan, SegmentReport, SetAside } from './plan.ts'
export { readManifest, StoreDirectory } from './store-directory.ts'
export { type AppendOptions, type ReadOptions, Wal, type WalOptions, type WalRecord } from './wal.ts'
