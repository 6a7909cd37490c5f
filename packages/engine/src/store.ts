import { HoldfastError } from '@holdfast/environment'
import type { Durability, Log, Pin, PinOptions } from '@holdfast/wal'
import { type BackupResult, backup, type BackupParts } from './backup.ts'
import { checkCalls, checkIterable } from './check-calls.ts'
import { checkCall, pointAtArgument } from './call-guard.ts'
import { type ChangeOf, type ChangesOptions, changeFeed, checkChanges } from './change-feed.ts'
import type { Call, CommandTypes, LoggedCommand, NameWithoutArgument, Outcomes } from './commands.ts'
import { type ExecuteEachOptions, executeEach, type LoadResult } from './execute-each.ts'
import { liveFeed } from './live-feed.ts'
import type { LiveMachine } from './live-machine.ts'
import type { Machine } from './machine.ts'
import { assertOptions } from './no-option.ts'
import { checkDurability, type OpenSettings } from './open-options.ts'
import { assertPinOptions } from './pins-at-opening.ts'
import type { ReadonlyState } from './readonly-state.ts'
import type { RecoveryReport } from './recovery-report.ts'
import type { SnapshotInfo } from './snapshot-info.ts'
import type { Snapshotter } from './snapshotter.ts'
import { type StoreEmitter, tell } from './store-events.ts'
import type { StoreStats } from './store-stats.ts'
import { GroupWaiter, type Waiter } from './waiter.ts'

/** How one command is executed. */
export interface ExecuteOptions {
  /** What its acknowledgement means. Default: the store's. */
  readonly durability?: Durability
  /** Refuses the call with `ABORTED` as long as the command has not been captured; afterwards it does nothing. */
  readonly signal?: AbortSignal
}

/** What an open store is made of. */
export interface StoreParts<State extends object> {
  readonly machine: Machine<State>
  readonly live: LiveMachine<State>
  readonly log: Log<LoggedCommand, Waiter>
  readonly snapshotter: Snapshotter<State>
  readonly settings: OpenSettings
  readonly events: StoreEmitter
  readonly report: RecoveryReport
  readonly backup: BackupParts
  readonly pins: readonly Pin[]
  /** Gives the directory back. */
  readonly release: () => Promise<void>
}

const EXECUTE_OPTIONS: readonly (keyof ExecuteOptions)[] = ['durability', 'signal']

/** One executeAll is in one frame; so many commands keep the note that records their outcomes within its bound. */
const MAX_COMMANDS_AT_ONCE = 1_000_000

/** A store that is open for writing: `open` makes one. */
export class Store<State extends object = object, Types extends CommandTypes = CommandTypes> {
  readonly #parts: StoreParts<State>
  /** Those under way; none of them rejects. */
  readonly #backups: Set<Promise<void>> = new Set()
  #closing: Promise<void> | undefined

  /** Not for calling: use `open`. */
  constructor(parts: StoreParts<State>) {
    this.#parts = parts
  }

  /** The state, to be read. It changes in place as commands are applied; only commands may change it. */
  get state(): ReadonlyState<State> {
    return this.#parts.live.state as ReadonlyState<State>
  }

  /** The last sequence whose effect is in the state. */
  get appliedSeq(): number {
    return this.#parts.live.appliedSeq
  }

  /** The last sequence that survives a power loss. Behind `appliedSeq` only by commands at level `os`. */
  get durableSeq(): number {
    return this.#parts.log.durableSeq
  }

  /** What recovery found and did when the store was opened. */
  get report(): RecoveryReport {
    return this.#parts.report
  }

  /** Those that `open` was given, in that order. One whose `from` had been trimmed before is `dropped`. */
  get pins(): readonly Pin[] {
    return this.#parts.pins
  }

  /** What happens beside what callers wait for. */
  get events(): StoreEmitter {
    return this.#parts.events
  }

  /**
   * Executes a command: it is in the log at the level asked for, and applied, when this resolves to what
   * `apply` returned. `apply` gets the value decoded from the bytes that were logged.
   *
   * Rejects with the `Refusal` (or whatever else) that `apply` threw: then the command is in the log as
   * refused. With these it is not in the log: `UNKNOWN_COMMAND`, `INVALID_COMMAND`, `NOT_SERIALIZABLE`,
   * `RECORD_TOO_LARGE`, `OVERLOADED`, `NO_SPACE`, `ABORTED`, `CLOSED`. With `FAILED` and `IO_ERROR`,
   * `outcome` says whether it may be there after reopening.
   */
  execute<Name extends NameWithoutArgument<Types>>(name: Name): Promise<Types[Name]['result']>
  execute<Name extends keyof Types & string>(
    name: Name,
    argument: Types[Name]['argument'],
    options?: ExecuteOptions,
  ): Promise<Types[Name]['result']>
  execute(name: string, argument?: unknown, options?: ExecuteOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      assertOptions(options, EXECUTE_OPTIONS)
      this.#submit(name, argument, options, { accept: resolve, refuse: reject, reject })?.catch(reject)
    })
  }

  /**
   * Executes commands in one frame, one after the other with none between: after a crash all of them are in
   * the log, or none. Callers that come at the same time share a frame, and a sync. Not atomic in meaning: each
   * command is accepted or refused by itself, and has an outcome in the shape of `Promise.allSettled`.
   * All-or-nothing in meaning is one command.
   *
   * Rejects, with nothing in the log, as `execute` does; and with `BATCH_TOO_LARGE`.
   */
  async executeAll<const Calls extends readonly Call<Types>[]>(
    calls: Calls,
    options: ExecuteOptions = {},
  ): Promise<Outcomes<Types, Calls>> {
    assertOptions(options, EXECUTE_OPTIONS)
    checkCalls(calls)
    if (calls.length > MAX_COMMANDS_AT_ONCE) {
      throw new HoldfastError(
        'BATCH_TOO_LARGE',
        `${calls.length} commands at once, and ${MAX_COMMANDS_AT_ONCE} are the limit`,
        {
          outcome: 'not-written',
        },
      )
    }
    const { machine, log, settings } = this.#parts
    const durability = checkDurability(options.durability) ?? settings.durability
    const checked = calls.map(([name, argument]) => checkCall(machine, name, argument))
    const commands = checked.some((command) => command instanceof Promise)
      ? await Promise.all(checked.map((command) => Promise.resolve(command)))
      : (checked as LoggedCommand[])
    this.#assertWritable(options.signal)
    if (commands.length === 0) return [] as unknown as Outcomes<Types, Calls>
    const results = await new Promise<PromiseSettledResult<unknown>[]>((resolve, reject) => {
      const waiter = new GroupWaiter(commands.length, resolve, reject)
      try {
        log.submitAll(
          commands,
          durability,
          commands.map(() => waiter),
        )
      } catch (error) {
        throw pointAtArgument(error)
      }
    })
    return results as Outcomes<Types, Calls>
  }

  /**
   * Executes many commands, as fast as the store takes them: it waits where it is overloaded, and keeps a
   * bounded number under way. Refused commands are counted, and the load goes on; any other error ends it,
   * and says in `details` how many commands were acknowledged.
   */
  async executeEach(
    calls: Iterable<Call<Types>> | AsyncIterable<Call<Types>>,
    options: ExecuteEachOptions = {},
  ): Promise<LoadResult> {
    checkIterable(calls)
    const submit = ([name, argument]: Call<Types>, waiter: Waiter): void | Promise<void> =>
      this.#submit(name, argument, options, waiter)
    const { timers } = this.#parts.settings.environment
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        timers.turn(resolve)
      })
    return executeEach({ submit, ready: () => this.ready(), turn }, calls, options)
  }

  /** Resolves once `execute` would not be refused with `OVERLOADED`. Rejects with `CLOSED` or `FAILED`. */
  async ready(): Promise<void> {
    this.#assertWritable()
    await this.#parts.log.ready()
  }

  /** Everything executed before survives a power loss on return. Resolves to `durableSeq`. */
  async sync(): Promise<number> {
    this.#assertWritable()
    return this.#parts.log.sync()
  }

  /** Takes a snapshot of what is applied by then, and resolves once it is published. Without a change since the last one, it is that one. */
  async snapshot(): Promise<SnapshotInfo> {
    this.#assertWritable()
    return this.#parts.snapshotter.take()
  }

  /**
   * Every command from `from` on, in order, up to `durableSeq`; then it waits for more. It ends when the
   * store is closed, and throws `ABORTED` when `signal` aborts, and what ended the store when that fails. A sequence
   * that was trimmed throws `GapError`. What is still to be read is pinned while the feed is iterated; a feed that
   * holds back more than its `maxPinnedBytes` is dropped like a pin, and throws `GapError` when it goes on.
   */
  changes(options: ChangesOptions): AsyncGenerator<ChangeOf<Types>, void, undefined> {
    checkChanges(options)
    const { live, log, settings } = this.#parts
    return changeFeed<Types>(liveFeed(live, log, settings.codecs, options.maxPinnedBytes), options)
  }

  /**
   * Keeps the log from being trimmed, from `from` on, for a follower or an archiver that is still to read it. What lies
   * before goes as the pin is advanced, with the next snapshot. One that holds back more than `maxBytes` of what would
   * go otherwise is dropped, with the event `pinDropped`. It is not on disk: it lasts until it is released, or the store
   * is closed; see the option `pins` of `open`. At most 100 at a time.
   *
   * Throws `GapError` where `from` has been trimmed; `INVALID_ARGUMENT`, `CLOSED`, `FAILED`.
   */
  pin(options: PinOptions): Pin {
    assertPinOptions(options)
    this.#assertWritable()
    return this.#parts.log.pin(options)
  }

  /**
   * Copies the store, as far as it is durable, into a directory that is new or empty, while writes, snapshots and
   * retention go on. Everything executed before is in it. The copy opens like the store.
   *
   * What it copies is kept meanwhile. Where that holds back more than 1 GiB of the log, the event `pinDropped` says so
   * and this throws `GapError`. `close` waits for it.
   */
  async backup(path: string): Promise<BackupResult> {
    this.#assertWritable()
    const copying = backup(this.#parts.backup, path)
    const ended = copying.then(
      () => {},
      () => {},
    )
    this.#backups.add(ended)
    try {
      return await copying
    } finally {
      this.#backups.delete(ended)
    }
  }

  /** Figures of this moment. */
  stats(): StoreStats {
    const { live, log, snapshotter } = this.#parts
    return {
      appliedSeq: live.appliedSeq,
      durableSeq: log.durableSeq,
      ...live.refusals,
      failure: live.failure,
      log: log.stats(),
      snapshots: snapshotter.stats(),
    }
  }

  /**
   * Takes no more commands; commits, applies and syncs those under way, lets a snapshot under way end, notes
   * the clean close and gives the directory back. Idempotent. A store that is not closed loses nothing that
   * was acknowledged.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { log, snapshotter, events, release } = this.#parts
    try {
      await Promise.all([snapshotter.stop(), ...this.#backups])
      await log.close()
    } catch (error) {
      // What became of the log is what the caller has to hear, whatever becomes of the lock file.
      await release().catch(() => {})
      tell(events, 'closed')
      throw error
    }
    try {
      await release()
    } finally {
      tell(events, 'closed')
    }
  }

  /** Captures a command. A promise only where its schema gives one. Throws, or rejects, with nothing captured. */
  #submit(
    name: string,
    argument: unknown,
    options: ExecuteOptions | undefined,
    waiter: Waiter,
  ): void | Promise<void> {
    const { machine, settings } = this.#parts
    const durability = checkDurability(options?.durability) ?? settings.durability
    this.#assertWritable(options?.signal)
    const command = checkCall(machine, name, argument)
    if (command instanceof Promise) return this.#captureLater(command, durability, options?.signal, waiter)
    this.#capture(command, durability, waiter)
  }

  async #captureLater(
    command: Promise<LoggedCommand>,
    durability: Durability,
    signal: AbortSignal | undefined,
    waiter: Waiter,
  ): Promise<void> {
    const checked = await command
    this.#assertWritable(signal)
    this.#capture(checked, durability, waiter)
  }

  // Apart, so that a call without a promise makes no closure.
  #capture(command: LoggedCommand, durability: Durability, waiter: Waiter): void {
    try {
      this.#parts.log.submit(command, durability, waiter)
    } catch (error) {
      throw pointAtArgument(error)
    }
  }

  #assertWritable(signal?: AbortSignal): void {
    const { failure } = this.#parts.live
    if (this.#closing !== undefined)
      throw new HoldfastError('CLOSED', 'the store is closed', { outcome: 'not-written' })
    if (failure !== undefined) {
      throw new HoldfastError('FAILED', 'the store failed earlier and takes no more writes', {
        outcome: 'not-written',
        cause: failure,
      })
    }
    if (signal?.aborted) {
      throw new HoldfastError('ABORTED', 'the signal was aborted before the command was captured', {
        outcome: 'not-written',
        cause: signal.reason,
      })
    }
  }
}
