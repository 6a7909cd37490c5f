import type { SnapshotStore } from '@holdfast/snapshot'
import type { Log, StoreDirectory } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import { verifyByReplay } from './fold.ts'
import type { LiveMachine } from './live-machine.ts'
import type { Opening } from './opening.ts'
import type { Points } from './snapshot-source.ts'
import type { SnapshotterParts } from './snapshotter.ts'
import { StateSource } from './state-source.ts'
import type { Waiter } from './waiter.ts'
import { runInThread, WorkerSource } from './worker-source.ts'

/** Where snapshots come from, and what they have to stand up to. */
export function sourceOf(
  { machine, module, mode, settings }: Opening,
  points: Points<object>,
  { directory, live, log, snapshots }: OpenParts,
): Pick<SnapshotterParts<object>, 'source' | 'verify'> {
  const { environment, policy, verifySnapshots } = settings
  const thread = module && { module, machineVersion: machine.version, directory, log, snapshots, environment }
  const ofState = new StateSource(
    points,
    machine,
    live,
    snapshots,
    mode === 'blocking' ? undefined : machine.capture,
  )
  const source =
    mode === 'worker' && thread !== undefined
      ? new WorkerSource(points, thread, policy.compression, ofState, (error) => live.warned(error))
      : ofState
  if (verifySnapshots === 'read') return { source, verify: undefined }
  return {
    source,
    async verify({ sealed: { digest }, end }, signal) {
      if (thread !== undefined) {
        const { damaged } = await runInThread(thread, end, { kind: 'verify', digest }, signal)
        return damaged
      }
      if (log.durableSeq < end.seq) await log.sync()
      // Those that opening was given ended with it.
      const reading = { ...settings, signal, onProgress: undefined }
      return verifyByReplay({ path: directory.path, machine, settings: reading, pace: 'gentle' }, end, digest)
    },
  }
}

/** The parts of an open store that snapshots are made of. */
export interface OpenParts {
  readonly directory: StoreDirectory
  readonly live: LiveMachine<object>
  readonly log: Log<LoggedCommand, Waiter>
  readonly snapshots: SnapshotStore
}
