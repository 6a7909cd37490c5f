import { type Clock, errnoOf, HoldfastError, isHoldfastError, timing } from '@holdfast/environment'
import type { SnapshotReader, SnapshotStore } from '@holdfast/snapshot'
import type { Evidence, LogScan, LogStore } from '@holdfast/wal'
import type { ChosenSnapshot, RecoveryPlan, RecoveryProgress, SetAsideSnapshot } from './recovery-plan.ts'
import type { ReplayTarget } from './replay-target.ts'
import type { WriteQueue } from './write-queue.ts'

/** A snapshot that belongs to the store, as its manifest has it. */
export interface NamedSnapshot {
  readonly id: number
  readonly seq: number
  readonly digest: string
}

export interface RecoverOptions {
  readonly snapshots: SnapshotStore
  readonly log: Pick<LogStore<never, never>, 'scan'>
  readonly target: ReplayTarget
  /** Replay stands in this line, and whoever goes on with the state after it. */
  readonly queue: WriteQueue
  readonly clock: Clock
  /** Snapshots that must be there. One that is missing, or is not the one that is meant, is set aside with the reason. */
  readonly named?: readonly NamedSnapshot[]
  /**
   * The epoch that the manifest is in. A snapshot of an earlier one that the manifest does not name is stepped over: a
   * writer that had lost the store may have left it, and what it says is not of this store's log. A crash that came
   * before it was named leaves the log behind the one before. Default: 0, none is.
   */
  readonly epoch?: number
  /** Which snapshots may be used at all. Default: every one. */
  readonly usable?: (snapshot: { readonly seq: number; readonly time: number }) => boolean
  readonly signal?: AbortSignal | undefined
  /** Called after the snapshot, and about once for every MiB of the log. */
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined
}

const PROGRESS_BYTES = 1024 * 1024
const recoveryTiming = timing('recovery')

/**
 * Brings a state back: the newest snapshot that is sound, then everything that the log holds behind it.
 * One pass; nothing on disk changes. What it returns may be handed to `LogStore.open`.
 *
 * Throws what the plan refuses with, and what the target throws: throw the target's state away then.
 */
export async function recover(options: RecoverOptions): Promise<RecoveryPlan> {
  const plan = await examine(options)
  if (plan.refusal !== undefined) throw plan.refusal
  return plan
}

/** The pass behind `recover`. A refusal is part of what it returns. */
export async function examine(options: RecoverOptions): Promise<RecoveryPlan> {
  const { log, target, queue, clock, named = [], signal, onProgress } = options
  const timed = recoveryTiming.start(clock)
  const setAside: SetAsideSnapshot[] = []
  const evidence: Evidence[] = named.map(({ id, seq }) => ({ seq, source: `the manifest: snapshot ${id}` }))
  const snapshot = await queue.run(() => restoreNewest(options, setAside, evidence))
  const after = snapshot?.seq ?? 0
  const scan = log.scan({ after, evidence, signal })
  const replay = { firstSeq: after + 1, batches: 0, records: 0, bytes: 0 }
  let lastSeq = after
  let reported = 0
  const report = (phase: RecoveryProgress['phase']): void => {
    const bytes = (snapshot?.bytes ?? 0) + replay.bytes
    onProgress?.({
      phase,
      seq: lastSeq,
      ofSeq: Math.max(lastSeq, scan.plan.provenSeq),
      records: replay.records,
      bytes,
    })
  }
  if (snapshot !== undefined) report('snapshot')
  for await (const item of scan) {
    await queue.run(() => target.apply(item))
    if ('records' in item) {
      replay.batches += 1
      replay.records += item.lastSeq - Math.max(item.firstSeq - 1, after)
      replay.bytes += item.records.length
      lastSeq = item.lastSeq
      if (replay.bytes - reported >= PROGRESS_BYTES) {
        reported = replay.bytes
        report('log')
      }
    }
    if (target.satisfied === true) break
  }
  const refusal = refusalOf(scan, after, setAside)
  if (refusal === undefined) {
    await queue.run(() => target.finish())
    report('log')
  }
  // What the log goes on from: its clock never goes back behind what a snapshot says.
  scan.plan.lastTime = Math.max(scan.plan.lastTime, snapshot?.time ?? 0)
  timed?.({
    seq: lastSeq,
    snapshotSeq: snapshot?.seq,
    records: replay.records,
    bytes: replay.bytes,
    refused: refusal?.code,
  })
  return { snapshot, setAside, log: scan.plan, lastSeq, replay, refusal }
}

/** The newest snapshot that can be read to its end, restored. Those before it are set aside. */
async function restoreNewest(
  { snapshots, target, named = [], epoch = 0, usable = () => true, signal }: RecoverOptions,
  setAside: SetAsideSnapshot[],
  evidence: Evidence[],
): Promise<ChosenSnapshot | undefined> {
  const listed = await snapshots.list()
  const candidates: Candidate[] = [
    ...listed.map((entry) => ({ id: entry.id, seq: entry.seq, path: entry.path, entry })),
    ...named
      .filter(({ id }) => !listed.some((entry) => entry.id === id))
      .map(({ id, seq }) => ({ id, seq, path: `snapshot ${id}`, entry: undefined })),
  ]
  for (const candidate of candidates.sort((a, b) => b.seq - a.seq || b.id - a.id)) {
    if (signal?.aborted) throw new HoldfastError('ABORTED', 'recovery was aborted', { cause: signal.reason })
    let restoring = false
    try {
      const reader = await openCandidate(snapshots, candidate)
      try {
        const { seq, time, machineVersion } = reader.header
        if (reader.header.epoch < epoch && !named.some(({ id }) => id === candidate.id)) continue
        evidence.push({ seq, source: `the snapshot ${candidate.path}` })
        if (!usable({ seq, time })) continue
        restoring = true
        await target.restore(reader)
        const digest = digestOf(reader, named)
        return { ...reader.entry, time, machineVersion, digest }
      } finally {
        await reader.close()
      }
    } catch (error) {
      if (restoring) target.reset()
      if (!isSetAside(error)) throw error
      setAside.push({ ...candidate, error })
    }
  }
  return undefined
}

type Candidate = Omit<SetAsideSnapshot, 'error'>

async function openCandidate(snapshots: SnapshotStore, { entry, seq }: Candidate): Promise<SnapshotReader> {
  if (entry !== undefined) return snapshots.open(entry)
  throw new HoldfastError('SNAPSHOT_CORRUPT', 'the manifest names a snapshot that is not there', { seq })
}

/** Of a snapshot that was read to its end: the digest, which must be the one that the manifest has. */
function digestOf(reader: SnapshotReader, named: readonly NamedSnapshot[]): string {
  const { entry, summary } = reader
  if (summary === undefined) {
    throw new HoldfastError('INVALID_ARGUMENT', 'the replay target did not read the snapshot to its end', {
      path: entry.path,
    })
  }
  const expected = named.find(({ id }) => id === entry.id)
  if (expected !== undefined && (expected.digest !== summary.digest || expected.seq !== entry.seq)) {
    throw new HoldfastError(
      'SNAPSHOT_CORRUPT',
      'the snapshot is sound, and not the one that the manifest names',
      { path: entry.path },
    )
  }
  return summary.digest
}

/**
 * Whether another snapshot may stand in. A newer format or machine is not set aside: what is older would
 * not do for the log either, and says less about why. Of the errors of the disk only a sector that cannot
 * be read counts as damage: having too many open files, say, does not.
 */
function isSetAside(error: unknown): error is HoldfastError {
  if (!isHoldfastError(error)) return false
  if (error.code === 'IO_ERROR') {
    const errno = errnoOf(error.cause)
    return errno === 'EIO' || errno === 'ENOENT'
  }
  return error.code === 'SNAPSHOT_CORRUPT' || error.code === 'FOREIGN_FILE' || error.code === 'NOT_A_FILE'
}

function refusalOf(
  { plan }: LogScan,
  after: number,
  setAside: readonly SetAsideSnapshot[],
): HoldfastError | undefined {
  // What the disk would not give it may give the next time: that is no verdict on a snapshot.
  const unread = setAside.find(({ error }) => error.code === 'IO_ERROR' && errnoOf(error.cause) !== 'ENOENT')
  const newest = unread ?? setAside[0]
  if (plan.refusal?.code !== 'GAP' || newest === undefined) return plan.refusal
  return new HoldfastError(
    unread === undefined ? 'SNAPSHOT_CORRUPT' : 'IO_ERROR',
    `no snapshot that the log goes back to can be used: ${setAside.length} set aside, and the log begins at ${plan.firstSeq} where ${after + 1} is needed`,
    {
      path: newest.path,
      seq: after + 1,
      cause: newest.error,
      details: {
        setAside: setAside.map(({ path, error }) => ({ path, reason: error.message })),
        firstSeq: plan.firstSeq,
      },
    },
  )
}
