import { type Environment, HoldfastError, type WorkerTask } from '@holdfast/environment'
import {
  type SealedSnapshot,
  type SnapshotCompression,
  SnapshotDirectory,
  type SnapshotSubject,
} from '@holdfast/snapshot'
import { type DamagedSnapshot, type FoldEnd, type FoldSource, fold, verifyByReplay } from './fold.ts'
import { loadMachine } from './machine-module.ts'
import { readSettings } from './open-options.ts'
import { contentOf } from './snapshot-content.ts'

/** What a thread is to do with a store: plain data. */
export interface SnapshotJob {
  readonly path: string
  /** The module of the machine, and the version that it had when the store was opened. */
  readonly module: string
  readonly machineVersion: number
  readonly end: FoldEnd
  /** Fold the store and write a snapshot of it, or only compare. */
  readonly work: WriteWork | VerifyWork
}

export interface WriteWork {
  readonly kind: 'write'
  readonly subject: SnapshotSubject
  readonly directory: string
  readonly storeId: Uint8Array
  readonly id: number
  readonly compression: SnapshotCompression
}

export interface VerifyWork {
  readonly kind: 'verify'
  readonly digest: string
}

/** What came of a job. */
export interface SnapshotJobResult {
  /** Where one was to be written. */
  readonly sealed: SealedSnapshot | undefined
  readonly damaged: readonly DamagedSnapshot[]
}

/** What snapshots need a thread for. Reading `module` throws `UNSUPPORTED` where this file is no longer a file of its own. */
export const snapshotTask: WorkerTask = {
  get module() {
    const { url } = import.meta
    if (/snapshot-task\.[jt]s$/.test(url)) return new URL(url)
    throw new HoldfastError('UNSUPPORTED', 'this package was bundled: a thread cannot import it', {
      hint: 'Nothing was touched. Leave the package out of the bundle, or open the store with the machine itself.',
    })
  },
  run,
}

/** @public A thread imports it. */
export async function run(job: unknown, environment: Environment): Promise<SnapshotJobResult> {
  const { path, module, machineVersion, end, work } = job as SnapshotJob
  const { machine, codec } = await loadMachine(new URL(module), environment)
  if (machine.version !== machineVersion) throw changed(module, machineVersion, machine.version)
  const settings = readSettings({ environment, ...(codec === undefined ? {} : { codec }) })
  const source: FoldSource<object> = { path, machine, settings, pace: 'fast' }
  if (work.kind === 'verify') {
    return { sealed: undefined, damaged: await verifyByReplay(source, end, work.digest) }
  }
  const { state, damaged } = await fold(source, end)
  const snapshots = await SnapshotDirectory.open(work.directory, {
    environment,
    codec: settings.codec,
    storeId: work.storeId,
    nextId: () => work.id,
    compression: work.compression,
  })
  const writer = await snapshots.create(work.subject)
  await writer.writeAll(contentOf(machine, state))
  return { sealed: await writer.seal(), damaged }
}

/** A deployment puts another file in its place: a thread reads that one. */
function changed(module: string, was: number, is: number): HoldfastError {
  return new HoldfastError(
    'SNAPSHOT_FAILED',
    `the module has version ${is} of the machine by now, and the store was opened with version ${was}`,
    { path: module, hint: 'Nothing was published. Open the store anew, with the new version.' },
  )
}
