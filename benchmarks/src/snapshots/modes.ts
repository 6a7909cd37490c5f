import { REDIS_LOADER, SNAPSHOT_LOADER } from '../recovery/loaders.ts'

/** One way to take a snapshot while writes go on, and the same load without one. */
export interface SnapshotContender {
  readonly name: string
  /** It takes none: a process beside it takes a core. What a snapshot by a thread costs more than this is its own. */
  readonly besideLoop?: boolean
  /** The name of the load without a snapshot, on the same state. */
  readonly without: string
  readonly subject: SubjectName
  /** The contender of recovery that has the state which it begins with. */
  readonly prepared: string
}

/** What a load is put on: stores by the mode of their snapshots, or a server. */
export type SubjectName = 'blocking' | 'worker' | 'captured' | 'redis'

export const SNAPSHOT_CONTENDERS: readonly SnapshotContender[] = [
  { name: 'blocking', without: 'no snapshot', subject: 'blocking', prepared: SNAPSHOT_LOADER },
  {
    name: 'no snapshot, a core taken',
    without: 'no snapshot',
    subject: 'worker',
    prepared: SNAPSHOT_LOADER,
    besideLoop: true,
  },
  { name: 'worker', without: 'no snapshot', subject: 'worker', prepared: SNAPSHOT_LOADER },
  { name: 'captured', without: 'no snapshot, tree', subject: 'captured', prepared: SNAPSHOT_LOADER },
  { name: 'redis BGSAVE', without: 'redis, no snapshot', subject: 'redis', prepared: REDIS_LOADER },
]
