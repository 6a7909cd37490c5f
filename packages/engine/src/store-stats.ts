import type { HoldfastError } from '@holdfast/environment'
import type { LogStats } from '@holdfast/wal'
import type { SnapshotStats } from './snapshotter.ts'

/** Figures of an open store. Counts are since it was opened. */
export interface StoreStats {
  readonly appliedSeq: number
  readonly durableSeq: number
  /** Commands that `apply` refused. */
  readonly refused: number
  /** Of these, commands over which `apply` threw something else than a `Refusal`, or returned a promise. */
  readonly applyFailures: number
  /** Why the store takes no more writes. */
  readonly failure: HoldfastError | undefined
  readonly log: LogStats
  readonly snapshots: SnapshotStats
}
