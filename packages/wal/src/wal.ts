import { bytesCodec, type Codec } from '@holdfast/codec'
import { HoldfastError, nodeEnvironment, type Environment } from '@holdfast/environment'
import type { CommitConsumer, CommittedBatch, Durability, Log, LogStats } from './log.ts'
import { LogDirectory } from './log-directory.ts'
import type { LogOptions } from './log-options.ts'
import type { LogPlan } from './plan.ts'
import { StoreDirectory } from './store-directory.ts'

export interface WalOptions<T> extends Omit<LogOptions, 'machineVersion'> {
  /** Records to bytes. Default: `bytesCodec`, records are `Uint8Array`s. */
  readonly codec?: Codec<T>
  readonly environment?: Environment
}

export interface AppendOptions {
  /** Default: `disk`. */
  readonly durability?: Durability
}

/** A record as it is read. */
export interface WalRecord<T> {
  readonly seq: number
  /** Wall-clock milliseconds of its batch. */
  readonly time: number
  readonly value: T
}

export interface ReadOptions {
  /** The first sequence wanted. Default: the first that is there. */
  readonly from?: number
  readonly signal?: AbortSignal
}

interface Waiter {
  readonly resolve: (seq: number) => void
  readonly reject: (error: HoldfastError) => void
}

/**
 * A write-ahead log by itself: records in, sequence numbers out, every acknowledged record there again
 * after a crash. One writer for a directory.
 */
export class Wal<T = Uint8Array> {
  readonly #directory: StoreDirectory
  readonly #codec: Codec<T>
  readonly #log: Log<T, Waiter>
  /** What opening found: survivors, a torn tail, files that were ignored. */
  readonly plan: LogPlan
  #closing: Promise<void> | undefined

  private constructor(directory: StoreDirectory, codec: Codec<T>, log: Log<T, Waiter>, plan: LogPlan) {
    this.#directory = directory
    this.#codec = codec
    this.#log = log
    this.plan = plan
  }

  /**
   * Opens the log in a directory, or makes one. Everything is verified on the way, nothing is decoded.
   * Throws `LOCKED`, `CORRUPT`, `MANIFEST_CORRUPT`, `MANIFEST_MISSING`, `UNSUPPORTED_FORMAT`, `IO_ERROR`;
   * then no byte of the log has changed.
   */
  static async open<T = Uint8Array>(path: string, options: WalOptions<T> = {}): Promise<Wal<T>> {
    // Left out, T is Uint8Array, which is what the default codec is for.
    const {
      codec = bytesCodec as unknown as Codec<T>,
      environment = nodeEnvironment,
      ...logOptions
    } = options
    const directory = await StoreDirectory.openForWriting(path, environment)
    try {
      const store = new LogDirectory<T, Waiter>(directory, codec, logOptions)
      const scan = store.scan({ after: directory.manifest.trimmedThrough })
      for await (const batch of scan) {
        if ('codec' in batch && batch.codec !== codec.id) {
          throw new HoldfastError(
            'INVALID_ARGUMENT',
            `the log was written with codec ${batch.codec}, and is opened with ${codec.id}`,
            { path, seq: batch.firstSeq },
          )
        }
      }
      const log = await store.open(scan.plan, appendConsumer<T>())
      return new Wal(directory, codec, log, scan.plan)
    } catch (error) {
      // Why it was refused is what the caller has to hear, whatever becomes of the lock file.
      await directory.close().catch(() => {})
      throw error
    }
  }

  /** Resolves to the record's sequence once it is acknowledged at the level asked for. */
  append(record: T, { durability = 'disk' }: AppendOptions = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#log.submit(record, durability, { resolve, reject })
    })
  }

  /**
   * Appends records in one frame, which other callers' may share: after a crash all of them are there or none.
   * Resolves to their sequences, which follow each other.
   */
  appendAll(
    records: readonly T[],
    { durability = 'disk' }: AppendOptions = {},
  ): Promise<{ firstSeq: number; lastSeq: number }> {
    return new Promise((resolve, reject) => {
      const last = records.length - 1
      const done = (lastSeq: number): void => resolve({ firstSeq: lastSeq - last, lastSeq })
      const ignore = (): void => {}
      this.#log.submitAll(
        records,
        durability,
        records.map((_, i) => ({ resolve: i === last ? done : ignore, reject })),
      )
    })
  }

  /** The records that are durable when it is called, from `from` on. Throws `GapError` where they have been trimmed. */
  read(options: ReadOptions = {}): AsyncGenerator<WalRecord<T>, void, undefined> {
    return this.#records(options, false)
  }

  /** The same, and then waits for more, until `signal` aborts or the log is closed. */
  tail(options: ReadOptions = {}): AsyncGenerator<WalRecord<T>, void, undefined> {
    return this.#records(options, true)
  }

  /** Deletes whole segments that hold nothing above `throughSeq`, and nothing that a reader under way is still to read: 1 GiB of that at most. */
  trim(throughSeq: number): ReturnType<Log<T, Waiter>['trim']> {
    return this.#log.trim(throughSeq)
  }

  /** Everything appended before is durable on return. Resolves to `durableSeq`. */
  sync(): Promise<number> {
    return this.#log.sync()
  }

  /** Resolves once an append would not be refused with `OVERLOADED`. */
  ready(): Promise<void> {
    return this.#log.ready()
  }

  /** The first and the last sequence that are there; `last` is `first - 1` where none are. */
  get range(): { readonly first: number; readonly last: number } {
    return { first: this.#log.firstSeq, last: this.#log.lastSeq }
  }

  get durableSeq(): number {
    return this.#log.durableSeq
  }

  stats(): LogStats {
    return this.#log.stats()
  }

  /**
   * Commits what was appended, syncs, notes the clean close and gives the directory back. Idempotent. When it
   * rejects the directory is given back all the same, and what was acknowledged at level `os` may not be durable.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#log.close()
    } finally {
      await this.#directory.close()
    }
  }

  async *#records(
    { from = this.#log.firstSeq, signal }: ReadOptions,
    follow: boolean,
  ): AsyncGenerator<WalRecord<T>, void, undefined> {
    const range = { after: from - 1, follow, ...(signal === undefined ? {} : { signal }) }
    for await (const batch of this.#log.batches(range)) {
      const values = this.#codec.decode(batch.records, batch.count)
      for (let i = Math.max(0, from - batch.firstSeq); i < values.length; i++) {
        yield { seq: batch.firstSeq + i, time: batch.time, value: values[i] as T }
      }
    }
  }
}

function appendConsumer<T>(): CommitConsumer<T, Waiter> {
  return {
    committed(batch: CommittedBatch<T, Waiter>) {
      for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
    },
    rejected(waiters, error) {
      for (const waiter of waiters) waiter.reject(error)
    },
  }
}
