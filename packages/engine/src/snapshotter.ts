import {
  type Environment,
  type ErrorCode,
  HoldfastError,
  isHoldfastError,
  type Timer,
} from '@holdfast/environment'
import { WriteQueue } from '@holdfast/recovery'
import type { SnapshotStore } from '@holdfast/snapshot'
import type { Log, StoreDirectory } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import { type DamagedSnapshot, isDamage } from './fold.ts'
import type { LiveMachine } from './live-machine.ts'
import type { Retention } from './retention.ts'
import type { SnapshotInfo } from './snapshot-info.ts'
import { bytesBetween, MAX_MS, type SnapshotPolicy } from './snapshot-options.ts'
import type { SealedPoint, SnapshotMode, SnapshotSource } from './snapshot-source.ts'
import { type StoreEmitter, tell } from './store-events.ts'
import type { Waiter } from './waiter.ts'

/** By how much more the policy waits with each failure in a row: a snapshot that cannot be stored costs a turn through the state each time. */
const BACKOFF_BASE = 2
/** A snapshot by policy that is so late is not given up where the store is closed: processes that live for a short time would never have one. */
const OVERDUE_INTERVALS = 2
/** Of its intervals: attempts then cost a thirtieth of what they would without failures. */
const MAX_BACKOFF = 32
/** What one interval is in time, after failures whose cause may go by itself: that is noticed within some minutes, however little is logged. */
const RETRY_MS = 10_000
const PASSING: readonly ErrorCode[] = ['NO_SPACE', 'IO_ERROR', 'WORKER_FAILED']

/** What taking a snapshot needs. */
export interface SnapshotterParts<State extends object> {
  readonly live: LiveMachine<State>
  readonly log: Log<LoggedCommand, Waiter>
  readonly directory: StoreDirectory
  readonly snapshots: SnapshotStore
  readonly retention: Retention
  readonly policy: SnapshotPolicy
  readonly mode: SnapshotMode
  readonly source: SnapshotSource
  /** Compares a snapshot with a replay; `undefined` where that was not asked for. */
  readonly verify:
    | ((point: SealedPoint, signal: AbortSignal | undefined) => Promise<readonly DamagedSnapshot[]>)
    | undefined
  readonly events: StoreEmitter
  readonly environment: Environment
}

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
  /** What has come since the last attempt: commands, and bytes of the log. */
  readonly recordsSince: number
  readonly bytesSince: number
}

/**
 * Takes snapshots, by policy or when asked. One is published only when the log is durable at least to its sequence:
 * otherwise a power cut could leave a state that the log has never reached.
 */
export class Snapshotter<State extends object> {
  readonly #parts: SnapshotterParts<State>
  /** One at a time: snapshots and retention. */
  readonly #line: WriteQueue = new WriteQueue()
  #recordsSince: number
  /** Of the log when it was opened; none since the first attempt. */
  #bytesBefore: number
  /** To the log, when the last attempt began. */
  #appendedBefore = 0
  #taken = 0
  #failed = 0
  #consecutiveFailures = 0
  #lastError: HoldfastError | undefined
  /** Of the newest snapshot: the state is in it, as this version of the machine has it. */
  #storedSeq: number
  #due = false
  /** Some of what is kept is damaged, and which is not known: nothing is deleted before a fold has succeeded. */
  #isSparing = false
  readonly #stopping = new AbortController()
  #timer: Timer | undefined

  constructor(
    parts: SnapshotterParts<State>,
    since: { readonly records: number; readonly bytes: number; readonly storedSeq: number },
  ) {
    this.#parts = parts
    this.#recordsSince = since.records
    this.#bytesBefore = since.bytes
    this.#storedSeq = since.storedSeq
    this.#armTimer()
  }

  /** Behind each batch. */
  applied(records: number): void {
    this.#recordsSince += records
    this.takeIfDue()
  }

  takeIfDue(): void {
    const { policy, retention } = this.#parts
    const passed = Math.max(
      this.#recordsSince / policy.everyRecords,
      this.#bytesSince / bytesBetween(policy, retention.newest?.bytes ?? 0),
    )
    if (passed >= this.#intervals) this.takeInBackground(passed < OVERDUE_INTERVALS)
  }

  /** A failure is told by an event and in the figures; nobody waits for it. Closing may give it up where that is allowed. */
  takeInBackground(mayBeGivenUp = true): void {
    if (this.#due || this.#ended) return
    this.#due = true
    this.take(mayBeGivenUp ? this.#stopping.signal : undefined).catch(() => {})
  }

  /**
   * Takes a snapshot of what is applied by then. Resolves once it is published and retention has run. `signal` gives
   * up one that a thread takes, with `ABORTED`.
   */
  take(signal?: AbortSignal): Promise<SnapshotInfo> {
    return this.exclusively(async () => {
      if (signal !== undefined && this.#stopped)
        throw new HoldfastError('ABORTED', 'the store was closed before')
      // Counted from here on, also where it fails: the next attempt comes after the intervals it waits for, not with every batch.
      this.#due = false
      this.#recordsSince = 0
      this.#bytesBefore = 0
      this.#appendedBefore = this.#parts.log.appendedBytes
      try {
        const snapshot = await this.#take(signal)
        this.#lastError = undefined
        this.#consecutiveFailures = 0
        return snapshot
      } catch (cause) {
        const error = snapshotError(cause)
        if (signal?.aborted === true && error.code === 'ABORTED') throw error
        // Another writer has the directory: nothing that is written from now on would be anyone's.
        if (error.code === 'FENCED') this.#parts.log.fail(error)
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

  /** Deletes what is no longer needed. What cannot be deleted now goes with the next one: that is only worth a warning. */
  async retain(): Promise<void> {
    const { retention, log, events } = this.#parts
    if (this.#isSparing) return
    const { trimmed, failure } = await retention
      .apply()
      .catch((cause: unknown) => ({ trimmed: undefined, failure: cause }))
    if (trimmed !== undefined) tell(events, 'trimmed', trimmed)
    if (failure === undefined) return
    const error = snapshotError(failure)
    if (error.code === 'FENCED') log.fail(error)
    else tell(events, 'warning', error)
  }

  stats(): SnapshotStats {
    return {
      kept: [...this.#parts.retention.kept],
      taken: this.#taken,
      failed: this.#failed,
      consecutiveFailures: this.#consecutiveFailures,
      lastError: this.#lastError,
      mode: this.#parts.mode,
      lastBlockedMs: this.#parts.source.blockedMs,
      recordsSince: this.#recordsSince,
      bytesSince: this.#bytesSince,
    }
  }

  /**
   * Nothing is begun by policy any more. What is under way ends; but a thread that nobody asked for is ended: whoever
   * closes does not wait for it.
   */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.cancel()
    await this.#line.idle()
  }

  /** Counted from the last attempt. Without a command since the last snapshot, the attempt is that one. */
  #armTimer(): void {
    const { policy, environment } = this.#parts
    this.#timer?.cancel()
    const mayPass = this.#lastError !== undefined && PASSING.includes(this.#lastError.code)
    const isRetrying = mayPass && hasPolicy(policy)
    const everyMs = isRetrying ? Math.min(RETRY_MS, policy.everyMs) : policy.everyMs
    if (this.#ended || everyMs === Infinity) return
    const ms = Math.min(everyMs * this.#intervals, MAX_MS)
    this.#timer = environment.timers.after(ms, () => this.takeInBackground())
  }

  /** How many intervals of the policy lie between the last attempt and the next. */
  get #intervals(): number {
    return Math.min(BACKOFF_BASE ** this.#consecutiveFailures, MAX_BACKOFF)
  }

  get #bytesSince(): number {
    return this.#bytesBefore + this.#parts.log.appendedBytes - this.#appendedBefore
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** There is nothing to be done any more, unless somebody asks for it. */
  get #ended(): boolean {
    return this.#stopped || this.#parts.live.failure !== undefined
  }

  async #take(signal?: AbortSignal): Promise<SnapshotInfo> {
    const { live, snapshots, retention, events, source } = this.#parts
    const { newest } = retention
    if (newest !== undefined && this.#storedSeq === live.appliedSeq) {
      // A pin that was released since, or what could not be deleted then.
      await this.retain()
      return newest
    }
    const point = await source.seal(signal)
    const damaged = await this.#check(point, signal)
    this.#setAside(damaged ?? [])
    this.#isSparing = damaged === undefined
    const { seq, id, bytes, name, path, digest } = await snapshots.publish(point.sealed)
    const snapshot = { seq, id, bytes, name, path, digest }
    await retention.add(snapshot)
    this.#taken += 1
    this.#storedSeq = seq
    tell(events, 'snapshot', { ...snapshot, mode: point.mode, blockedMs: source.blockedMs })
    await this.retain()
    return snapshot
  }

  /** Damage that came to light on the way: what is kept must be of use. */
  #setAside(damaged: readonly DamagedSnapshot[]): void {
    for (const snapshot of damaged) {
      if (!this.#parts.retention.setAside(snapshot)) continue
      const { path, seq, reason } = snapshot
      const what = `a snapshot that was kept cannot be used any more: ${reason}`
      tell(this.#parts.events, 'warning', new HoldfastError('SNAPSHOT_CORRUPT', what, { path, seq }))
    }
  }

  /** Whether it may be published. Gives the others that turned out to be damaged; `undefined` where it is not known which. */
  async #check(point: SealedPoint, signal: AbortSignal | undefined): Promise<SealedPoint['damaged']> {
    const { directory, log, snapshots } = this.#parts
    try {
      const compared = await this.#compare(point, signal)
      // Behind the line of the queue: what the log still has to write may wait for commands to be applied.
      if (log.durableSeq < point.end.seq) await log.sync()
      // Of a store that another writer has by now it would be a state that never was.
      await directory.assertNotFenced()
      return point.damaged && compared && [...point.damaged, ...compared]
    } catch (error) {
      await snapshots.discard(point.sealed).catch(() => {})
      throw error
    }
  }

  /** With a replay, where that was asked for, and where what is to be replayed can still be read: otherwise this one is all there is. */
  async #compare(point: SealedPoint, signal: AbortSignal | undefined): Promise<SealedPoint['damaged']> {
    const { verify, events } = this.#parts
    try {
      return (await verify?.(point, signal)) ?? []
    } catch (error) {
      if (!isDamage(error)) throw error
      tell(events, 'warning', error)
      return undefined
    }
  }
}

/** Somebody who takes all snapshots himself tries again himself. */
function hasPolicy({ everyRecords, everyBytes, everyMs }: SnapshotPolicy): boolean {
  return [everyRecords, everyBytes, everyMs].some((interval) => interval !== Infinity)
}

/** Typed errors stay what they are; what a machine's `entries` throws becomes the cause of one. */
function snapshotError(cause: unknown): HoldfastError {
  if (isHoldfastError(cause)) return cause
  return new HoldfastError('SNAPSHOT_FAILED', 'the snapshot could not be taken', { cause })
}
