import { bytesCodec, type Codec } from '@holdfast/codec'
import { type Environment, nodeEnvironment } from '@holdfast/environment'
import { SnapshotDirectory, type SnapshotReader } from '@holdfast/snapshot'
import { LogDirectory, StoreDirectory } from '@holdfast/wal'
import { examine } from './recover.ts'
import type { RecoveryPlan, RecoveryProgress } from './recovery-plan.ts'
import type { ReplayTarget } from './replay-target.ts'
import { WriteQueue } from './write-queue.ts'

export interface PlanOptions {
  /** Default: this machine's. */
  readonly environment?: Environment
  /** The codec that the store was written with, where it is none of the built-in ones. */
  readonly codec?: Codec<unknown>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RecoveryProgress) => void
}

/**
 * What opening the store in a directory would bring back, from where, and what it would leave: the whole
 * pass of recovery, without decoding or applying anything. It takes no lock and changes nothing. Beside a
 * live writer it shows a moment that may already be over.
 *
 * A refusal is part of the plan. Throws `NO_STORE`, `MANIFEST_CORRUPT`, `MANIFEST_MISSING`,
 * `UNSUPPORTED_FORMAT`, `UNSUPPORTED`, `IO_ERROR`, `ABORTED`, where there is nothing to plan with.
 */
export async function planRecovery(path: string, options: PlanOptions = {}): Promise<RecoveryPlan> {
  const { environment = nodeEnvironment, codec, signal, onProgress } = options
  const directory = await StoreDirectory.openForReading(path, environment)
  const { storeId, snapshotsPath, manifest } = directory
  return examine({
    snapshots: await SnapshotDirectory.open(snapshotsPath, { environment, codec, storeId }),
    log: new LogDirectory<never, never>(directory, bytesCodec as never),
    target: new Verification(),
    queue: new WriteQueue(),
    named: manifest.snapshots,
    epoch: manifest.epoch,
    clock: environment.clock,
    signal,
    onProgress,
  })
}

/** Reads everything and keeps nothing. */
class Verification implements ReplayTarget {
  async restore(reader: SnapshotReader): Promise<void> {
    await reader.verify()
  }

  reset(): void {}

  apply(): void {}

  finish(): void {}
}
