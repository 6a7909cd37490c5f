import { HoldfastError, type Environment } from '@holdfast/environment'
import type { Batch, Mark } from '@holdfast/wal'
import { type ChangeOf, changeFeed, checkChanges, type FeedRange, type FeedSource } from './change-feed.ts'
import type { CommandTypes } from './commands.ts'
import { decodeCommands } from './decode-commands.ts'
import { LogFollower } from './log-follower.ts'
import type { ReadSettings } from './open-options.ts'
import type { ReadonlyState } from './readonly-state.ts'
import { MAX_MS } from './snapshot-options.ts'
import type { RecoveryReport } from './recovery-report.ts'
import type { StoreReader } from './store-reader.ts'

/** Where a reader's change feed begins and ends, and how it waits. */
export interface ReadonlyChangesOptions extends FeedRange {
  /** How often it looks for more once it has caught up, in milliseconds, from 1 on; at most some 24 days. Default: 200. */
  readonly pollMs?: number
}

const POLL_MS = 200

/** A store that is only looked at: `openReadOnly` and `openAt` make one. It holds no lock and changes nothing. */
export class ReadonlyStore<State extends object = object, Types extends CommandTypes = CommandTypes> {
  readonly #reader: StoreReader<State>
  readonly #settings: ReadSettings
  readonly #fixed: boolean
  readonly #closing: AbortController = new AbortController()
  #refreshing: Promise<unknown> = Promise.resolve()
  #report: Pick<RecoveryReport, 'ms'>

  /** Not for calling: use `openReadOnly` or `openAt`. */
  constructor(
    reader: StoreReader<State>,
    settings: ReadSettings,
    opened: { readonly fixed: boolean; readonly ms: number },
  ) {
    this.#reader = reader
    this.#settings = settings
    this.#fixed = opened.fixed
    this.#report = { ms: opened.ms }
  }

  /**
   * The state as it was last read. `refresh` changes it in place, or replaces it where it had to begin anew. Throws
   * `DIVERGED` once a `refresh` has found out, behind a batch that it applied, that this machine does something else
   * than the writer's: there is no state then that ever was.
   */
  get state(): ReadonlyState<State> {
    const { broken, state } = this.#reader.replay
    if (broken !== undefined) throw broken
    return state as ReadonlyState<State>
  }

  /** The last sequence whose effect is in the state. It may be one that the writer has not acknowledged yet. */
  get appliedSeq(): number {
    return this.#reader.replay.appliedSeq
  }

  /** When the batch of that sequence was written, in milliseconds since 1970; 0 before the first. */
  get time(): number {
    return this.#reader.replay.lastTime
  }

  /** What reading found; after a `refresh` that had to begin anew, what that found. */
  get report(): RecoveryReport {
    return { ...this.#reader.plan, commands: this.#reader.replay.figures, ...this.#report }
  }

  /**
   * Reads what was written since. Resolves to `appliedSeq`. A store opened at a point stays there. Throws
   * what opening throws; the state is then that of `appliedSeq`, as it was or some whole batches further.
   */
  refresh(): Promise<number> {
    const refreshed = this.#refreshing.then(async () => {
      this.#assertOpen()
      if (!this.#fixed) await this.#reader.advance()
      return this.appliedSeq
    })
    this.#refreshing = refreshed.catch(() => {})
    return refreshed
  }

  /**
   * Every command from `from` on that is proven to be durable, in order; then it looks for more from time to
   * time, and keeps the process alive while it does. What came of the last commands is told once the writer
   * has been idle for a moment, or has written on. It ends when this is closed, and throws `ABORTED` when
   * `signal` aborts, `GapError` for a sequence that was trimmed. The state has no part in it.
   */
  changes(options: ReadonlyChangesOptions): AsyncGenerator<ChangeOf<Types>, void, undefined> {
    checkChanges(options)
    return changeFeed<Types>(this.#feed(options), options)
  }

  /** Ends the feeds. Idempotent. The state stays. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#refreshing
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #feed({ pollMs = POLL_MS, signal }: ReadonlyChangesOptions): FeedSource {
    if (!Number.isSafeInteger(pollMs) || pollMs < 1 || pollMs > MAX_MS) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `pollMs is a whole number from 1 to ${MAX_MS}, not ${String(pollMs)}`,
      )
    }
    this.#assertOpen()
    const follower = new LogFollower(this.#reader.path, this.#settings)
    const { environment, codecs } = this.#settings
    const ended =
      signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
    return {
      async *items({ from }: FeedRange): AsyncGenerator<Batch | Mark, void, undefined> {
        for (let next = from; ; ) {
          for await (const item of follower.provenFrom(next)) {
            yield item
            if ('records' in item) next = item.lastSeq + 1
            if (ended.aborted) return
          }
          do {
            await pause(environment, pollMs, ended)
            if (ended.aborted) return
          } while (!(await follower.hasMore()))
        }
      },
      decode: (batch) => decodeCommands(batch, codecs),
      applied: () => Promise.resolve(),
      refusedIn: () => undefined,
    }
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new HoldfastError('CLOSED', 'the store is closed')
  }
}

/** Waits, and keeps the process alive: whoever iterates is waiting too. */
function pause({ timers }: Environment, ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ended.aborted) {
      resolve()
      return
    }
    const timer = timers.after(ms, done, { keepAlive: true })
    ended.addEventListener('abort', done)
    function done(): void {
      timer.cancel()
      ended.removeEventListener('abort', done)
      resolve()
    }
  })
}
