import type { SnapshotReader } from '@holdfast/snapshot'
import type { Batch, Mark } from '@holdfast/wal'

/**
 * What is brought back: recovery hands it a snapshot and then what the log holds behind that, in order.
 * Whatever it throws ends the recovery.
 */
export interface ReplayTarget {
  /**
   * Takes the state out of a snapshot. It must read all of it and pass on what reading throws: damage may
   * be found at the very end.
   */
  restore(reader: SnapshotReader): Promise<void>
  /** Throws away what an unfinished `restore` built: the state is that before sequence 1 again. */
  reset(): void
  /**
   * The next batch or mark. Its bytes are views: copy what must outlive the call. The first batch may begin
   * before the snapshot's sequence plus one; what lies before is to be left out.
   */
  apply(item: Batch | Mark): void | Promise<void>
  /** The log has ended, and nothing speaks against opening. */
  finish(): void | Promise<void>
  /** Set once nothing further is wanted: the rest of the log is neither read nor judged. */
  readonly satisfied?: boolean
}
