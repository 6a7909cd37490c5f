import { type Environment, HoldfastError, isHoldfastError, type Timer } from '@holdfast/environment'
import { WriteQueue } from '@holdfast/recovery'
import type {
  PublishedSnapshot,
  SnapshotPace,
  SnapshotStore,
  SnapshotSubject,
  SnapshotWriter,
} from '@holdfast/snapshot'
import type { Log } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import type { LiveMachine } from './live-machine.ts'
import type { Machine } from './machine.ts'
import type { Retention } from './retention.ts'
import { writeContent } from './snapshot-content.ts'
import type { SnapshotInfo } from './snapshot-info.ts'
import { bytesBetween, MAX_MS, type SnapshotPolicy } from './snapshot-options.ts'
import { type StoreEmitter, tell } from './store-events.ts'
import type { Waiter } from './waiter.ts'

/** By how much more the policy waits with each failure in a row: a snapshot that cannot be stored costs a turn through the state each time. */
const BACKOFF_BASE = 2
/** Of its intervals: attempts then cost a thirtieth of what they would without failures, and a cause that has gone is noticed all the same. */
const MAX_BACKOFF = 32

/** What taking a snapshot needs. */
export interface SnapshotterParts<State extends object> {
  readonly machine: Machine<State>
  readonly live: LiveMachine<State>
  readonly queue: WriteQueue
  readonly log: Log<LoggedCommand, Waiter>
  readonly snapshots: SnapshotStore
  readonly retention: Retention
  readonly policy: SnapshotPolicy
  readonly epoch: number
  readonly events: StoreEmitter
  readonly environment: Environment
}

/**
 * How a snapshot is taken.
 * - `captured`: the machine's `capture` gives a view of the state, which is written while commands are applied.
 * - `blocking`: commands wait to be applied until the state is written.
 */
export type SnapshotMode = 'captured' | 'blocking'

/** A snapshot that was just taken. */
export interface TakenSnapshot extends SnapshotInfo {
  readonly mode: SnapshotMode
  /** Milliseconds for which no command could be applied. */
  readonly blockedMs: number
}

/** Figures of the snapshots of an open store. */
export interface SnapshotStats {
  /** Those that are there, newest first. */
  readonly kept: readonly SnapshotInfo[]
  /** Taken since the store was opened. */
  readonly taken: number
  readonly failed: number
  /** Attempts that have failed since the last success: after `n` of them the policy waits for 2^n of its intervals, 32 at most. */
  readonly consecutiveFailures: number
  /** What the last attempt failed with; `undefined` once one has succeeded. */
  readonly lastError: HoldfastError | undefined
  /** How they are taken. */
  readonly mode: SnapshotMode
  /** Milliseconds for which the last one let no command be applied; 0 before the first. Where they are too many, give the machine a `capture`. */
  readonly lastBlockedMs: number
  /** What a restart would replay: commands, and bytes of them. */
  readonly recordsSince: number
  readonly bytesSince: number
}

/**
 * Takes snapshots, by policy or when asked. Out of the state itself, nothing is applied while one is written; the
 * event loop turns, reads go on, commands are captured and written to the log. Out of a view of it, commands are
 * applied, too. It is published only when the log is durable at least to its sequence: otherwise a power cut could
 * leave a state that the log has never reached.
 */
export class Snapshotter<State extends object> {
  readonly #parts: SnapshotterParts<State>
  /** One at a time: snapshots, retention and backups. */
  readonly #line: WriteQueue = new WriteQueue()
  #recordsSince: number
  #bytesSince: number
  #taken = 0
  #failed = 0
  #consecutiveFailures = 0
  #lastError: HoldfastError | undefined
  #lastBlockedMs = 0
  /** Of the newest snapshot: the state is in it, as this version of the machine has it. */
  #storedSeq: number
  #due = false
  #stopped = false
  #timer: Timer | undefined

  constructor(
    parts: SnapshotterParts<State>,
    since: { readonly records: number; readonly bytes: number; readonly storedSeq: number },
  ) {
    this.#parts = parts
    this.#recordsSince = since.records
    this.#bytesSince = since.bytes
    this.#storedSeq = since.storedSeq
    this.#armTimer()
  }

  /** Behind each batch. */
  applied(records: number, bytes: number): void {
    this.#recordsSince += records
    this.#bytesSince += bytes
    this.takeIfDue()
  }

  takeIfDue(): void {
    const { policy, retention } = this.#parts
    const intervals = this.#intervals
    const isLong =
      this.#recordsSince >= policy.everyRecords * intervals ||
      this.#bytesSince >= bytesBetween(policy, retention.newest?.bytes ?? 0) * intervals
    if (isLong) this.takeInBackground()
  }

  /** A failure is told by an event and in the figures; nobody waits for it. */
  takeInBackground(): void {
    if (this.#due || this.#stopped) return
    this.#due = true
    this.take().catch(() => {})
  }

  /** Takes a snapshot of what is applied by then. Resolves once it is published and retention has run. */
  take(): Promise<SnapshotInfo> {
    return this.exclusively(async () => {
      // Counted from here on, also where it fails: the next attempt comes after the intervals it waits for, not with every batch.
      this.#due = false
      this.#recordsSince = 0
      this.#bytesSince = 0
      try {
        const snapshot = await this.#take()
        this.#lastError = undefined
        this.#consecutiveFailures = 0
        return snapshot
      } catch (cause) {
        const error = snapshotError(cause)
        // Another writer has the directory: nothing that is written from now on would be anyone's.
        if (error.code === 'FENCED') this.#parts.live.failed(error)
        this.#failed += 1
        this.#consecutiveFailures += 1
        this.#lastError = error
        tell(this.#parts.events, 'snapshotFailed', error)
        throw error
      } finally {
        this.#armTimer()
      }
    })
  }

  /** Runs it while no snapshot is taken and nothing is deleted. */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.#line.run(task)
  }

  /** Deletes what a crash kept from being deleted. */
  async retain(): Promise<void> {
    const trimmed = await this.#parts.retention.apply()
    if (trimmed !== undefined) tell(this.#parts.events, 'trimmed', trimmed)
  }

  stats(): SnapshotStats {
    return {
      kept: [...this.#parts.retention.kept],
      taken: this.#taken,
      failed: this.#failed,
      consecutiveFailures: this.#consecutiveFailures,
      lastError: this.#lastError,
      mode: this.#mode,
      lastBlockedMs: this.#lastBlockedMs,
      recordsSince: this.#recordsSince,
      bytesSince: this.#bytesSince,
    }
  }

  /** Lets what is under way end; nothing is begun by policy any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#line.idle()
  }

  /** Counted from the last attempt. Without a command since the last snapshot, the attempt is that one. */
  #armTimer(): void {
    const { policy, environment } = this.#parts
    this.#timer?.cancel()
    if (this.#stopped || policy.everyMs === Infinity) return
    const ms = Math.min(policy.everyMs * this.#intervals, MAX_MS)
    this.#timer = environment.timers.after(ms, () => this.takeInBackground())
  }

  /** How many intervals of the policy lie between the last attempt and the next. */
  get #intervals(): number {
    return Math.min(BACKOFF_BASE ** this.#consecutiveFailures, MAX_BACKOFF)
  }

  async #take(): Promise<SnapshotInfo> {
    const { log, retention, events } = this.#parts
    const { newest } = retention
    if (newest !== undefined && this.#storedSeq === this.#parts.live.appliedSeq) return newest
    const { subject, writer } = await this.#write()
    let published: PublishedSnapshot
    try {
      // Behind the line of the queue: what the log still has to write may wait for commands to be applied.
      if (log.durableSeq < subject.seq) await log.sync()
      published = await writer.close()
    } finally {
      await writer[Symbol.asyncDispose]()
    }
    const { seq, id, bytes, name, path, digest } = published
    const snapshot = { seq, id, bytes, name, path, digest }
    await retention.add(snapshot)
    this.#taken += 1
    this.#storedSeq = seq
    tell(events, 'snapshot', { ...snapshot, mode: this.#mode, blockedMs: this.#lastBlockedMs })
    await this.retain()
    return snapshot
  }

  get #mode(): SnapshotMode {
    return this.#parts.machine.capture === undefined ? 'blocking' : 'captured'
  }

  /** All of it is in the file on return. */
  async #write(): Promise<Written> {
    const { live, machine } = this.#parts
    const { capture } = machine
    if (capture === undefined) {
      return this.#betweenBatches(() => this.#writeOut(this.#subject(), live.state, 'fast'))
    }
    const [subject, view] = await this.#betweenBatches(
      () => [this.#subject(), viewOf(live.state, capture)] as const,
    )
    return this.#writeOut(subject, view, 'gentle')
  }

  /** In the line of the queue, where nothing is applied. */
  #betweenBatches<T>(task: () => T | Promise<T>): Promise<T> {
    const { queue, live, environment } = this.#parts
    const { clock } = environment
    return queue.run(async () => {
      if (live.failure !== undefined) throw live.failure
      const began = clock.monotonic()
      try {
        return await task()
      } finally {
        this.#lastBlockedMs = clock.monotonic() - began
      }
    })
  }

  /** The state as it is now. */
  #subject(): SnapshotSubject {
    const { live, machine, epoch } = this.#parts
    return {
      seq: live.appliedSeq,
      time: live.lastTime,
      machineVersion: machine.version,
      epoch,
      // Who opens with this snapshot reads nothing before it: what no batch carries yet would be forgotten.
      note: live.ledger.note(),
    }
  }

  async #writeOut(subject: SnapshotSubject, state: State, pace: SnapshotPace): Promise<Written> {
    const { machine, snapshots } = this.#parts
    const writer = await snapshots.create(subject, pace)
    try {
      await writeContent(writer, machine, state)
    } catch (error) {
      await writer[Symbol.asyncDispose]()
      throw error
    }
    return { subject, writer }
  }
}

interface Written {
  readonly subject: SnapshotSubject
  readonly writer: SnapshotWriter
}

function viewOf<State extends object>(state: State, capture: (state: State) => State): State {
  const view: unknown = capture(state)
  if (typeof view === 'object' && view !== null && view !== state) return view as State
  const what = view === state ? 'the state itself, which goes on changing' : 'no object'
  throw new HoldfastError('SNAPSHOT_FAILED', `capture of the machine gave ${what}`)
}

/** Typed errors stay what they are; what a machine's `entries` throws becomes the cause of one. */
function snapshotError(cause: unknown): HoldfastError {
  if (isHoldfastError(cause)) return cause
  return new HoldfastError('SNAPSHOT_FAILED', 'the snapshot could not be taken', { cause })
}
