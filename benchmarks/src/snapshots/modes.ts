import type { OpenOptions } from 'holdfast'

/** One way to take a snapshot while writes go on. */
export interface SnapshotMode {
  readonly name: string
  /** How the store is opened for it, beside that none is taken by itself. */
  readonly options: OpenOptions['snapshot']
}

export const SNAPSHOT_MODES: readonly SnapshotMode[] = [{ name: 'blocking', options: {} }]

/** The same load without a snapshot. */
export const NO_SNAPSHOT = 'no snapshot'
