import { type Environment, HoldfastError, type WorkerTask } from '@holdfast/environment'
import {
  type SealedSnapshot,
  type SnapshotCompression,
  SnapshotDirectory,
  type SnapshotSubject,
} from '@holdfast/snapshot'
import { type FoldEnd, type FoldSource, fold, verifyByReplay } from './fold.ts'
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

/** What snapshots need a thread for. */
export const snapshotTask: WorkerTask = { module: new URL(import.meta.url), run }

/**
 * Resolves to a `SealedSnapshot` where one was to be written.
 *
 * @public A thread imports it.
 */
export async function run(job: unknown, environment: Environment): Promise<SealedSnapshot | undefined> {
  const { path, module, machineVersion, end, work } = job as SnapshotJob
  const { machine, codec } = await loadMachine(new URL(module), environment)
  if (machine.version !== machineVersion) throw changed(module, machineVersion, machine.version)
  const settings = readSettings({ environment, ...(codec === undefined ? {} : { codec }) })
  const source: FoldSource<object> = { path, machine, settings }
  if (work.kind === 'verify') {
    await verifyByReplay(source, end, work.digest)
    return undefined
  }
  const { state } = await fold(source, end)
  const snapshots = await SnapshotDirectory.open(work.directory, {
    environment,
    codec: settings.codec,
    storeId: work.storeId,
    nextId: () => work.id,
    compression: work.compression,
  })
  const writer = await snapshots.create(work.subject)
  await writer.writeAll(contentOf(machine, state))
  return writer.seal()
}

/** A deployment puts another file in its place: a thread reads that one. */
function changed(module: string, was: number, is: number): HoldfastError {
  return new HoldfastError(
    'SNAPSHOT_FAILED',
    `the module has version ${is} of the machine by now, and the store was opened with version ${was}`,
    { path: module, hint: 'Nothing was published. Open the store anew, with the new version.' },
  )
}
