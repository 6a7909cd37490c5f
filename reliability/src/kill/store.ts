// The store that the victims write: small segments and frequent snapshots, so that every moment is a moment of something.
import type { Environment } from '@holdfast/environment'
import { type OpenOptions, open, type SnapshotMode } from 'holdfast'
import type { KillState, killMachine } from './workload.ts'

const SNAPSHOT_EVERY_RECORDS = 400
export const SNAPSHOTS_KEPT = 2
const SEGMENT_BYTES = 64 * 1024
const MAX_QUEUED_BYTES = 24 * 1024 * 1024

export type KillStore = Awaited<ReturnType<typeof openKillStore>>

/** The module of the machine: threads import it. */
export const MODULE: URL = new URL('machine.ts', import.meta.url)

/** What opening found behind the last proven point. */
export interface Found {
  readonly survivors: number
  readonly tornBytes: number
  readonly snapshotSeq: number
}

/** How a store takes its snapshots. */
export interface KillSnapshots {
  readonly mode: SnapshotMode
  readonly compression: 'none' | 'zstd'
  readonly verifySnapshots: NonNullable<OpenOptions['verifySnapshots']>
}

export const PLAIN: KillSnapshots = { mode: 'blocking', compression: 'none', verifySnapshots: 'read' }

export const openKillStore = (
  directory: string,
  environment: Environment,
  maxQueuedBytes: number = MAX_QUEUED_BYTES,
  { verifySnapshots, ...snapshot }: KillSnapshots = PLAIN,
) =>
  open<typeof killMachine>(directory, MODULE, {
    environment,
    segmentBytes: SEGMENT_BYTES,
    syncIntervalMs: 5,
    maxQueuedBytes,
    verifySnapshots,
    snapshot: { everyRecords: SNAPSHOT_EVERY_RECORDS, keep: SNAPSHOTS_KEPT, ...snapshot },
  })

export function found({ report: { snapshot, log } }: KillStore): Found {
  return {
    survivors: log.survivors === undefined ? 0 : log.survivors.lastSeq - log.survivors.firstSeq + 1,
    tornBytes: log.tail?.bytes ?? 0,
    snapshotSeq: snapshot?.seq ?? 0,
  }
}

/** The state without what depends on when it was made. */
export function timeless(state: KillState): KillState {
  return { ...state, time: 0 }
}
