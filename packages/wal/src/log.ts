import type { HoldfastError } from '@holdfast/environment'
import type { Pin, PinOptions, PinStats } from './pin.ts'
import type { LogPlan } from './plan.ts'

/**
 * What an acknowledgement means.
 * - `disk`: the bytes are synced; they survive a power loss.
 * - `os`: the write call returned; they survive a crash of this process and are synced within `syncIntervalMs`.
 *
 * A level holds for everything before it too: a `disk` acknowledgement covers every earlier sequence.
 */
export type Durability = 'disk' | 'os'

/** One group commit as it stands on disk: the unit that is written, lost, replayed and shipped whole. */
export interface Batch {
  readonly firstSeq: number
  readonly lastSeq: number
  /** Records in the batch; at least 1. `lastSeq - firstSeq + 1`. */
  readonly count: number
  /** Wall-clock milliseconds at which it was sealed; never goes back from one batch to the next. */
  readonly time: number
  /** The highest sequence that was known to be durable when the batch was written; below `firstSeq`. */
  readonly durableSeq: number
  /** Bytes that the log's user attached to the batch; the log does not read them. */
  readonly note: Uint8Array
  /** The version of the machine that wrote it, from its segment's header. */
  readonly machineVersion: number
  /** The id of the codec that wrote `records`, from its segment's header. */
  readonly codec: string
  /** The records in the codec's bytes. A view: copy it to keep it past the next iteration. */
  readonly records: Uint8Array
}

/** A mark: the log was idle or being closed, and says how far it is durable. */
export interface Mark {
  readonly durableSeq: number
  readonly time: number
  readonly note: Uint8Array
}

/** A batch that has reached the strongest level asked for in it. */
export interface CommittedBatch<T, W> extends Batch {
  /** What was handed in with each record, in order. */
  readonly waiters: readonly W[]
  /** The records, decoded from the very bytes that were logged. */
  decode(): T[]
}

/** Whoever acts on what the log has committed: the engine, or the promise of an `append`. */
export interface CommitConsumer<T, W> {
  /** A batch has reached its level, and the note in it: no other has to carry it. Called before the next is sealed. */
  carried?(batch: CommittedBatch<T, W>): void
  /**
   * Called in sequence order, once the batch has reached its level. The next batch may be written
   * meanwhile; the one after that is not sealed before the returned promise is settled. From then on, or from
   * the return if there is none, the memory of `records` and `note` is another batch's: whoever wants them for
   * longer copies them. Whoever returns a promise returns one for each batch behind that as well, until it is settled.
   */
  committed(batch: CommittedBatch<T, W>): void | Promise<void>
  /** These records are not acknowledged and never will be; `error.outcome` says whether they may be on disk. */
  rejected(waiters: readonly W[], error: HoldfastError): void
  /**
   * Asked when a batch or a mark is sealed: bytes that travel in it. What a committed batch carries is
   * there for as long as its records are. What a mark carries is read only while nothing has been written
   * behind it, so the next batch has to carry it again.
   */
  note?(kind: 'batch' | 'mark'): Uint8Array | undefined
  /** Everything up to `seq` is durable. */
  durable?(seq: number): void
  /** A write or a sync failed; every batch that was not yet durable was written again to a new segment. */
  moved?(move: { readonly from: string; readonly to: string; readonly error: HoldfastError }): void
  /** The log takes no more writes. `error.cause` is the failure that ended it. */
  failed?(error: HoldfastError): void
  /** Work in the background failed; nothing is lost, and the log goes on. */
  warned?(error: HoldfastError): void
  /** A pin held back more than its cap, and keeps nothing any more: what it held back is deleted next. */
  pinDropped?(dropped: PinStats): void
}

/** What a batch iteration covers. */
export interface BatchRange {
  /** The first batch given is the one that holds sequence `after + 1`. */
  readonly after: number
  /** The last sequence wanted. Default: what is durable when the iteration begins. Never past what is durable. */
  readonly through?: number
  /** Waits for more once it has caught up, until `signal` aborts or the log is closed. Default: false. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
  /** Who reads: the owner of the pin that keeps what is still to be read. Default: `a reader`. */
  readonly owner?: string
  /** The cap of that pin. Default: 1 GiB. */
  readonly maxPinnedBytes?: number | undefined
}

/** Figures of an open log. */
export interface LogStats {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly durableSeq: number
  readonly epoch: number
  readonly segments: number
  /** Bytes of all segments, preallocated space included. */
  readonly bytes: number
  /** Bytes of frames appended since the log was opened. */
  readonly appendedBytes: number
  readonly batches: number
  readonly syncs: number
  readonly rotations: number
  readonly queuedBytes: number
  readonly unsyncedBytes: number
  /** What keeps the log from being trimmed: pins, and readers under way. */
  readonly pins: readonly PinStats[]
  /** The last failure of work in the background, if one is outstanding. */
  readonly warning: HoldfastError | undefined
}

/**
 * A log that is open for writing. The engine depends on this, not on local files.
 * `W` is whatever the caller wants back with each record of a committed batch.
 */
export interface Log<T, W> {
  /** The first sequence that can still be read; `lastSeq + 1` when there is none. */
  readonly firstSeq: number
  /** The last sequence that reached its level; 0 before the first. */
  readonly lastSeq: number
  /** The last sequence that is known to be durable. */
  readonly durableSeq: number
  /** Encoded bytes that are captured and not yet committed. */
  readonly queuedBytes: number
  /** Bytes of frames appended since the log was opened. */
  readonly appendedBytes: number
  /**
   * Captures a record (it is encoded before this returns) into the batch that is open. Nothing is captured
   * when it throws: `OVERLOADED`, `NOT_SERIALIZABLE`, `RECORD_TOO_LARGE`, `CLOSED`, `FAILED`.
   */
  submit(record: T, durability: Durability, waiter: W): void
  /**
   * The same for several records in one frame, maybe among others: after a crash all of them are there or none.
   * Also throws `BATCH_TOO_LARGE`.
   */
  submitAll(records: readonly T[], durability: Durability, waiters: readonly W[]): void
  /** Resolves once `submit` would not be refused with `OVERLOADED`; rejects with `CLOSED` or `FAILED`. */
  ready(): Promise<void>
  /**
   * Resolves to `durableSeq` once everything that was submitted before is durable; with `throughSeq`, which
   * must have been committed, once everything up to it is.
   */
  sync(throughSeq?: number): Promise<number>
  /**
   * Batches in order, up to `durableSeq`. Throws `GapError` when the first one wanted has been trimmed. Nothing that
   * is still to be read is trimmed while it is under way, unless its pin is dropped: then it throws `GapError` as well.
   */
  batches(range: BatchRange): AsyncGenerator<Batch, void, undefined>
  /** Nothing from `from` on is trimmed while it is held. Throws `GapError` where that has been trimmed, and `INVALID_ARGUMENT`. */
  pin(options: PinOptions): Pin
  /** Deletes segments that hold nothing above `throughSeq`, and nothing that is pinned. The newest segment always stays. */
  trim(
    throughSeq: number,
  ): Promise<{ readonly firstSeq: number; readonly segments: number; readonly bytes: number }>
  stats(): LogStats
  /**
   * Ends the log, as a failure of its own does: what waits is rejected, and the consumer hears `failed`. For whoever
   * finds out that nothing which is written from now on may count. The first failure is the one that stays.
   */
  fail(error: HoldfastError): void
  /**
   * Commits what is queued, syncs, writes the mark and the footer, and notes the clean close. Idempotent.
   * Rejects where it fails, and where the log had failed with something acknowledged at level `os` not durable.
   */
  close(): Promise<void>
}

/** Evidence from elsewhere that a sequence was durable: a published snapshot, say. */
export interface Evidence {
  readonly seq: number
  readonly source: string
}

export interface ScanOptions {
  /** Sequences up to here are not needed: a snapshot covers them. 0 for everything. */
  readonly after: number
  readonly evidence?: readonly Evidence[]
  readonly signal?: AbortSignal | undefined
}

/**
 * One verified pass over the log: iterate it once to the end, then read `plan`. It gives the batches that
 * hold something above `after`, and the marks that stand behind sequence `after` or a later one.
 */
export interface LogScan extends AsyncIterable<Batch | Mark> {
  /** What the pass found. Complete only once the iteration has ended. */
  readonly plan: LogPlan
}

/** A log before it is open for writing. Reading it changes nothing. */
export interface LogStore<T, W> {
  scan(options: ScanOptions): LogScan
  /** Acts on a plan: raises the epoch, writes survivors again, and opens for appending. Throws the plan's refusal. */
  open(plan: LogPlan, consumer: CommitConsumer<T, W>): Promise<Log<T, W>>
}
