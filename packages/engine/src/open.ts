import { HoldfastError } from '@holdfast/environment'
import { type NamedSnapshot, type RecoveryPlan, recover, WriteQueue } from '@holdfast/recovery'
import { SnapshotDirectory, type SnapshotEntry, type SnapshotStore } from '@holdfast/snapshot'
import { LogDirectory, StoreDirectory } from '@holdfast/wal'
import { sourceOf } from './choose-source.ts'
import type { CommandTypes, LoggedCommand } from './commands.ts'
import { checkInitialState } from './initial-state.ts'
import { LiveMachine } from './live-machine.ts'
import type { AnyMachine, Machine } from './machine.ts'
import type { OpenOptions, OpenSettings } from './open-options.ts'
import { type Opening, openingOf } from './opening.ts'
import { pinAtOpening } from './pins-at-opening.ts'
import { Replay } from './replay.ts'
import { Retention } from './retention.ts'
import type { SnapshotInfo } from './snapshot-info.ts'
import { Points } from './snapshot-source.ts'
import { Snapshotter } from './snapshotter.ts'
import { Store } from './store.ts'
import { storeEmitter } from './store-events.ts'
import type { Waiter } from './waiter.ts'

/** The state of a machine. */
export type StateOf<Of extends AnyMachine> = Of extends Machine<infer State, infer _> ? State : never
/** The commands of a machine. */
export type CommandsOf<Of extends AnyMachine> = Of extends Machine<infer _, infer Types> ? Types : never

/**
 * Opens the store in a directory, or makes one there: everything that was acknowledged is in its state.
 * Only when the whole recovery has ended well anything on disk changes.
 *
 * With the URL of a module whose default export is the machine, threads can import it, too, and take snapshots beside
 * this one: `open<typeof machine>(path, new URL('./machine.js', import.meta.url))`. Such a thread holds a second copy of
 * the state while it runs.
 *
 * Throws, and leaves the directory as it was: `LOCKED`, `LOCK_UNAVAILABLE`; `CORRUPT`, `SNAPSHOT_CORRUPT`,
 * `MANIFEST_CORRUPT`, `MANIFEST_MISSING`, `FOREIGN_FILE`, `NOT_A_FILE`; `UNSUPPORTED_FORMAT`,
 * `UNSUPPORTED`; `NEWER_MACHINE`, `UPGRADE_FAILED`, `UNKNOWN_COMMAND`, `DIVERGED`; `NOT_SERIALIZABLE` for
 * the machine's first state; `INVALID_ARGUMENT`, `ABORTED`, `IO_ERROR`.
 */
export function open<State extends object, Types extends CommandTypes>(
  path: string,
  machine: Machine<State, Types>,
  options?: OpenOptions,
): Promise<Store<State, Types>>
export function open<Of extends AnyMachine = AnyMachine>(
  path: string,
  module: URL,
  options?: OpenOptions,
): Promise<Store<StateOf<Of>, CommandsOf<Of>>>
export async function open(path: string, given: AnyMachine | URL, options: OpenOptions = {}): Promise<Store> {
  const opening = await openingOf(path, given, options)
  const { machine, settings } = opening
  checkInitialState(machine)
  assertNotAborted(settings)
  const directory = await StoreDirectory.openForWriting(path, settings.environment)
  try {
    return await openIn(directory, opening)
  } catch (error) {
    // Why it was refused is what the caller has to hear, whatever becomes of the lock file.
    await directory.close().catch(() => {})
    throw error
  }
}

async function openIn(directory: StoreDirectory, opening: Opening): Promise<Store> {
  const { machine, settings } = opening
  const { environment, codec, policy } = settings
  const startedAt = environment.clock.monotonic()
  const snapshots = await SnapshotDirectory.open(directory.snapshotsPath, {
    environment,
    codec,
    storeId: directory.storeId,
    nextId: () => directory.nextId(),
    compression: policy.compression,
  })
  const logDirectory = new LogDirectory<LoggedCommand, Waiter>(directory, codec as never, {
    ...settings.log,
    machineVersion: machine.version,
  })
  const queue = new WriteQueue()
  const replay = new Replay<object>(machine, settings.codecs)
  const named = directory.manifest.snapshots
  const plan = await recover({
    snapshots,
    log: logDirectory,
    target: replay,
    queue,
    named,
    epoch: directory.manifest.epoch,
    clock: environment.clock,
    signal: settings.signal,
    onProgress: settings.onProgress,
  })
  assertNotAborted(settings)

  // The plan is accepted: from here on things change.
  const listed = await snapshots.list()
  for (const { id } of listed) directory.reserveId(id)
  const events = storeEmitter()
  const live = new LiveMachine<object>(machine, replay, queue, events)
  const log = await logDirectory.open(plan.log, live)
  try {
    await snapshots.cleanTemporaries()
    const retention = await retentionOf(plan, listed, named, { directory, snapshots, log, keep: policy.keep })
    const points = new Points<object>({ machine, live, queue, epoch: directory.epoch, environment })
    const { source, verify } = sourceOf(opening, points, { directory, live, log, snapshots })
    const snapshotter = new Snapshotter<object>(
      {
        live,
        log,
        directory,
        snapshots,
        retention,
        policy,
        mode: opening.mode,
        source,
        verify,
        events,
        environment,
      },
      {
        records: plan.replay.records,
        bytes: bytesBehind(plan),
        storedSeq: plan.snapshot?.machineVersion === machine.version ? plan.snapshot.seq : -1,
      },
    )
    live.onApplied = (records) => snapshotter.applied(records)
    live.endLog = (error) => log.fail(error)
    const store = new Store({
      machine,
      live,
      log,
      snapshotter,
      settings,
      events,
      report: { ...plan, commands: replay.figures, ms: environment.clock.monotonic() - startedAt },
      backup: { directory, log, retention, environment },
      pins: settings.pins.map((options) => pinAtOpening(log, options)),
      release: () => directory.close(),
    })
    // In the background: what a crash kept from being deleted, and the snapshot that a new version owes.
    void snapshotter.exclusively(() => snapshotter.retain())
    if (replay.sawOlder) snapshotter.takeInBackground(false)
    else snapshotter.takeIfDue()
    return store
  } catch (error) {
    await log.close().catch(() => {})
    throw error
  }
}

/** What the log takes behind the snapshot. Not only what is replayed: each crash leaves space that had been taken ahead, and survivors twice. */
function bytesBehind({ log }: RecoveryPlan): number {
  const survivors = log.survivors?.bytes ?? 0
  return log.segments.reduce((sum, { bytes, neededFrom }) => sum + bytes - neededFrom, survivors)
}

/** Of the snapshots that are there: which count, and which are this store's and only take up room. */
async function retentionOf(
  { snapshot, setAside }: RecoveryPlan,
  listed: readonly SnapshotEntry[],
  named: readonly NamedSnapshot[],
  parts: ConstructorParameters<typeof Retention>[0],
): Promise<Retention> {
  const kept: SnapshotInfo[] = []
  const leftovers: SnapshotEntry[] = []
  for (const entry of listed) {
    // By name: a copy under another one has the same id.
    const isSetAside = setAside.some((other) => other.entry?.name === entry.name)
    const digest =
      entry.name === snapshot?.name
        ? snapshot.digest
        : named.find(({ id, seq }) => id === entry.id && seq === entry.seq)?.digest
    if (digest !== undefined && !isSetAside) kept.push({ ...entry, digest })
    else if (digest !== undefined || (!isSetAside && (await isOwn(parts.snapshots, entry))))
      leftovers.push(entry)
  }
  return new Retention(parts, kept, leftovers)
}

/** Whether a file that the manifest does not name is one that a crash kept from being deleted, and not somebody else's. */
async function isOwn(snapshots: SnapshotStore, entry: SnapshotEntry): Promise<boolean> {
  try {
    const reader = await snapshots.open(entry)
    await reader.close()
    return true
  } catch {
    return false
  }
}

function assertNotAborted({ signal }: OpenSettings): void {
  if (signal?.aborted) throw new HoldfastError('ABORTED', 'opening was aborted', { cause: signal.reason })
}
