import type { HoldfastError } from '@holdfast/environment'
import type { SnapshotEntry } from '@holdfast/snapshot'
import type { LogPlan } from '@holdfast/wal'

/** The snapshot that a recovery starts from. */
export interface ChosenSnapshot extends SnapshotEntry {
  /** The time of the last command in it. */
  readonly time: number
  readonly machineVersion: number
  /** SHA-256 of its content, in hex. */
  readonly digest: string
}

/** A snapshot that was tried and cannot be used, or that is named and not there. */
export interface SetAsideSnapshot {
  readonly path: string
  readonly id: number
  readonly seq: number
  /** What stands there; `undefined` where the manifest names it and nothing does. */
  readonly entry: SnapshotEntry | undefined
  /** Why. */
  readonly error: HoldfastError
}

/** What recovery brings back, from where, and what it leaves; or why it refuses. */
export interface RecoveryPlan {
  /** `undefined`: the log alone, from sequence 1. */
  readonly snapshot: ChosenSnapshot | undefined
  /** Newer snapshots that could not be used, newest first. */
  readonly setAside: readonly SetAsideSnapshot[]
  /** What the pass over the log found; what it sets aside is accounted for in it, byte for byte. */
  readonly log: LogPlan
  /** The sequence of the last command that is brought back. */
  readonly lastSeq: number
  /** What is replayed from the log. */
  readonly replay: {
    readonly firstSeq: number
    readonly batches: number
    readonly records: number
    readonly bytes: number
  }
  /** Why the store must not be opened; nothing has been changed. */
  readonly refusal: HoldfastError | undefined
}

/** How far a recovery has come. */
export interface RecoveryProgress {
  readonly phase: 'snapshot' | 'log'
  /** The last sequence that was brought back. */
  readonly seq: number
  /** A sequence that is known to be there: the end, unless more turns up. */
  readonly ofSeq: number
  /** Records replayed from the log. */
  readonly records: number
  /** Bytes of snapshot and records so far. */
  readonly bytes: number
}
