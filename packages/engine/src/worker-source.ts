import { type Environment, type HoldfastError, timing } from '@holdfast/environment'
import type { SnapshotCompression, SnapshotStore } from '@holdfast/snapshot'
import type { Log, StoreDirectory } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import { type FoldEnd, isDamage } from './fold.ts'
import type { Points, SealedPoint, SnapshotSource } from './snapshot-source.ts'
import { type SnapshotJob, type SnapshotJobResult, snapshotTask } from './snapshot-task.ts'
import type { Waiter } from './waiter.ts'

/** Longer than a disk takes for one call, if it ever comes back, or a machine for a chunk of its state. */
const SILENT_MS = 60_000

const snapshotTiming = timing('snapshot')

/** What a thread that works on a store has to know, and who waits for it. */
export interface ThreadParts {
  readonly module: URL
  readonly machineVersion: number
  readonly directory: StoreDirectory
  readonly log: Log<LoggedCommand, Waiter>
  readonly snapshots: SnapshotStore
  readonly environment: Environment
}

/** Has a thread do something with the files of a store, up to a sequence that is durable then. */
export async function runInThread(
  { module, machineVersion, directory, log, snapshots, environment }: ThreadParts,
  end: FoldEnd,
  work: SnapshotJob['work'],
  signal: AbortSignal | undefined,
): Promise<SnapshotJobResult> {
  if (log.durableSeq < end.seq) await log.sync()
  const job: SnapshotJob = { path: directory.path, module: module.href, machineVersion, end, work }
  try {
    const options = { silentMs: SILENT_MS, environment, signal }
    return (await environment.workers.run(snapshotTask, job, options)) as SnapshotJobResult
  } catch (error) {
    // A thread that came to grief could not see to it. What is left all the same goes with the next opening.
    await snapshots.cleanTemporaries().catch(() => {})
    throw error
  }
}

/**
 * Snapshots that a thread makes: this one finds the point, and goes on. Where the files that the thread reads turn out
 * to be damaged the state in memory is all there is: then it is taken out of that, so that the store can be opened again.
 */
export class WorkerSource<State extends object> implements SnapshotSource {
  readonly #points: Points<State>
  readonly #parts: ThreadParts
  readonly #compression: SnapshotCompression
  readonly #ofState: SnapshotSource
  readonly #warn: (error: HoldfastError) => void

  constructor(
    points: Points<State>,
    parts: ThreadParts,
    compression: SnapshotCompression,
    ofState: SnapshotSource,
    warn: (error: HoldfastError) => void,
  ) {
    this.#points = points
    this.#parts = parts
    this.#compression = compression
    this.#ofState = ofState
    this.#warn = warn
  }

  get blockedMs(): number {
    return this.#points.blockedMs
  }

  async seal(signal?: AbortSignal): Promise<SealedPoint> {
    try {
      return await this.#sealInThread(signal)
    } catch (error) {
      if (!isDamage(error) || signal?.aborted === true) throw error
      this.#warn(error)
      return { ...(await this.#ofState.seal(signal)), damaged: undefined }
    }
  }

  async #sealInThread(signal: AbortSignal | undefined): Promise<SealedPoint> {
    const { directory, environment } = this.#parts
    const timed = snapshotTiming.start(environment.clock)
    const { subject, end } = await this.#points.at((point) => point)
    const work: SnapshotJob['work'] = {
      kind: 'write',
      subject,
      directory: directory.snapshotsPath,
      storeId: directory.storeId,
      id: await directory.nextId(),
      compression: this.#compression,
    }
    const { sealed, damaged } = await runInThread(this.#parts, end, work, signal)
    if (sealed === undefined) throw new Error('the thread was to write a snapshot, and did something else')
    const { path, bytes, entries, chunks } = sealed
    timed?.({ path, bytes, entries, chunks })
    return { sealed, end, mode: 'worker', damaged }
  }
}
