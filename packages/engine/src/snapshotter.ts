import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import { WriteQueue } from '@holdfast/recovery'
import type { PublishedSnapshot, SnapshotStore, SnapshotSubject, SnapshotWriter } from '@holdfast/snapshot'
import type { Log } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import type { LiveMachine } from './live-machine.ts'
import type { Machine } from './machine.ts'
import type { Retention } from './retention.ts'
import { writeContent } from './snapshot-content.ts'
import type { SnapshotInfo } from './snapshot-info.ts'
import type { SnapshotPolicy } from './snapshot-options.ts'
import { type StoreEmitter, tell } from './store-events.ts'
import type { Waiter } from './waiter.ts'

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
}

/** Figures of the snapshots of an open store. */
export interface SnapshotStats {
  /** Those that are there, newest first. */
  readonly kept: readonly SnapshotInfo[]
  /** Taken since the store was opened. */
  readonly taken: number
  readonly failed: number
  /** What the last attempt failed with; `undefined` once one has succeeded. */
  readonly lastError: HoldfastError | undefined
  /** What a restart would replay: commands, and bytes of them. */
  readonly recordsSince: number
  readonly bytesSince: number
}

/**
 * Takes snapshots, by policy or when asked. While one is written nothing is applied; the event loop turns,
 * reads go on, commands are captured and written to the log. It is published only when the log is durable
 * at least to its sequence: otherwise a power cut could leave a state that the log has never reached.
 */
export class Snapshotter<State extends object> {
  readonly #parts: SnapshotterParts<State>
  /** One at a time: snapshots, retention and backups. */
  readonly #line: WriteQueue = new WriteQueue()
  #recordsSince: number
  #bytesSince: number
  #taken = 0
  #failed = 0
  #lastError: HoldfastError | undefined
  /** Of the newest snapshot: the state is in it, as this version of the machine has it. */
  #storedSeq: number
  #due = false
  #stopped = false

  constructor(
    parts: SnapshotterParts<State>,
    since: { readonly records: number; readonly bytes: number; readonly storedSeq: number },
  ) {
    this.#parts = parts
    this.#recordsSince = since.records
    this.#bytesSince = since.bytes
    this.#storedSeq = since.storedSeq
  }

  /** Behind each batch. */
  applied(records: number, bytes: number): void {
    this.#recordsSince += records
    this.#bytesSince += bytes
    this.takeIfDue()
  }

  takeIfDue(): void {
    const { everyRecords, everyBytes } = this.#parts.policy
    if (this.#recordsSince >= everyRecords || this.#bytesSince >= everyBytes) this.takeInBackground()
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
      // Counted from here on, also where it fails: the next attempt comes after another interval, not with every batch.
      this.#due = false
      this.#recordsSince = 0
      this.#bytesSince = 0
      try {
        const snapshot = await this.#take()
        this.#lastError = undefined
        return snapshot
      } catch (cause) {
        const error = snapshotError(cause)
        // Another writer has the directory: nothing that is written from now on would be anyone's.
        if (error.code === 'FENCED') this.#parts.live.failed(error)
        this.#failed += 1
        this.#lastError = error
        tell(this.#parts.events, 'snapshotFailed', error)
        throw error
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
      lastError: this.#lastError,
      recordsSince: this.#recordsSince,
      bytesSince: this.#bytesSince,
    }
  }

  /** Lets what is under way end; nothing is begun by policy any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#line.idle()
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
    tell(events, 'snapshot', snapshot)
    await this.retain()
    return snapshot
  }

  /** In the line of the queue: between two batches. */
  #write(): Promise<{ subject: SnapshotSubject; writer: SnapshotWriter }> {
    const { queue, live, machine, snapshots, epoch } = this.#parts
    return queue.run(async () => {
      if (live.failure !== undefined) throw live.failure
      const subject = {
        seq: live.appliedSeq,
        time: live.lastTime,
        machineVersion: machine.version,
        epoch,
        // Who opens with this snapshot reads nothing before it: what no batch carries yet would be forgotten.
        note: live.ledger.note(),
      }
      const writer = await snapshots.create(subject)
      try {
        await writeContent(writer, machine, live.state)
      } catch (error) {
        await writer[Symbol.asyncDispose]()
        throw error
      }
      return { subject, writer }
    })
  }
}

/** Typed errors stay what they are; what a machine's `entries` throws becomes the cause of one. */
function snapshotError(cause: unknown): HoldfastError {
  if (isHoldfastError(cause)) return cause
  return new HoldfastError('SNAPSHOT_FAILED', 'the snapshot could not be taken', { cause })
}
