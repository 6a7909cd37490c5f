import { HoldfastError } from '@holdfast/environment'
import type { WriteQueue } from '@holdfast/recovery'
import type { CommitConsumer, CommittedBatch, PinStats } from '@holdfast/wal'
import { applyCommand } from './apply.ts'
import type { LoggedCommand } from './commands.ts'
import type { Machine } from './machine.ts'
import type { OutcomeLedger } from './outcome-ledger.ts'
import { decodeOutcomes } from './outcomes.ts'
import { isRefusal } from './refusal.ts'
import { type StoreEmitter, tell } from './store-events.ts'
import type { Waiter } from './waiter.ts'

/** Where a machine goes on from: what a replay has built. */
export interface LiveStart<State extends object> {
  readonly state: State
  readonly ledger: OutcomeLedger
  readonly lastTime: number
}

const NONE_REFUSED: ReadonlyMap<number, unknown> = new Map()

/**
 * The state of an open store, and the one place that changes it: what the log has committed is applied
 * here, a batch at a time, in the line of the write queue.
 */
export class LiveMachine<State extends object> implements CommitConsumer<LoggedCommand, Waiter> {
  readonly #machine: Machine<State>
  readonly #state: State
  readonly #ledger: OutcomeLedger
  readonly #queue: WriteQueue
  readonly #events: StoreEmitter
  #lastTime: number
  #refused = 0
  #applyFailures = 0
  #failure: HoldfastError | undefined
  #durableSeq = 0
  /** Batches that are not durable yet, and how far the outcomes go that they carry. */
  readonly #carriers: { readonly lastSeq: number; readonly through: number }[] = []
  /** Told behind each batch how many records it had. */
  onApplied: (records: number) => void = () => {}
  /** Ends the log, which tells this one. */
  endLog: (error: HoldfastError) => void = (error) => this.failed(error)

  constructor(machine: Machine<State>, start: LiveStart<State>, queue: WriteQueue, events: StoreEmitter) {
    this.#machine = machine
    this.#state = start.state
    this.#ledger = start.ledger
    this.#lastTime = start.lastTime
    this.#queue = queue
    this.#events = events
  }

  get state(): State {
    return this.#state
  }

  get appliedSeq(): number {
    return this.#ledger.appliedThrough
  }

  /** The time of the last batch that was applied. */
  get lastTime(): number {
    return this.#lastTime
  }

  get ledger(): OutcomeLedger {
    return this.#ledger
  }

  /** Commands refused since the store was opened, and those among them that threw something else than a `Refusal`. */
  get refusals(): { readonly refused: number; readonly applyFailures: number } {
    return { refused: this.#refused, applyFailures: this.#applyFailures }
  }

  /** Why the store takes no more writes. */
  get failure(): HoldfastError | undefined {
    return this.#failure
  }

  /** It repeats what this ledger handed out. */
  carried({ note, lastSeq }: CommittedBatch<LoggedCommand, Waiter>): void {
    const outcomes = decodeOutcomes(note)
    if (outcomes === undefined) return
    this.#ledger.carried(outcomes.through)
    this.#carriers.push({ lastSeq, through: outcomes.through })
    this.durable(this.#durableSeq)
  }

  /** Settled once the batch is applied: the log waits for that before it seals the next but one, which carries its outcomes. */
  committed(batch: CommittedBatch<LoggedCommand, Waiter>): void | Promise<void> {
    return this.#queue.runNow(() => this.#apply(batch))
  }

  durable(seq: number): void {
    this.#durableSeq = seq
    for (
      let carrier = this.#carriers[0];
      carrier !== undefined && carrier.lastSeq <= seq;
      carrier = this.#carriers[0]
    ) {
      this.#ledger.settled(carrier.through)
      this.#carriers.shift()
    }
  }

  /** Resolves once everything up to a committed sequence has been applied. */
  async reached(seq: number): Promise<void> {
    // What was committed is in the line by now, so that the end of the line is behind it.
    if (this.appliedSeq < seq) await this.#queue.run(() => {})
  }

  rejected(waiters: readonly Waiter[], error: HoldfastError): void {
    for (const waiter of waiters) waiter.reject(error)
  }

  note(): Uint8Array | undefined {
    return this.#ledger.note()
  }

  moved(move: { readonly from: string; readonly to: string; readonly error: HoldfastError }): void {
    tell(this.#events, 'moved', move)
  }

  warned(error: HoldfastError): void {
    tell(this.#events, 'warning', error)
  }

  pinDropped(dropped: PinStats): void {
    tell(this.#events, 'pinDropped', dropped)
  }

  failed(error: HoldfastError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    tell(this.#events, 'failed', error)
  }

  #apply(batch: CommittedBatch<LoggedCommand, Waiter>): void {
    const { firstSeq, lastSeq, time, waiters } = batch
    if (this.appliedSeq !== firstSeq - 1) {
      this.rejected(waiters, unapplied(firstSeq, this.#failure))
      return
    }
    let commands: LoggedCommand[]
    try {
      commands = batch.decode()
    } catch (cause) {
      // It was encoded a moment ago: memory or the codec is broken, and nothing may be applied behind it.
      this.endLog(unapplied(firstSeq, cause))
      this.rejected(waiters, unapplied(firstSeq, cause))
      return
    }
    let refused: Map<number, unknown> | undefined
    for (let i = 0; i < commands.length; i++) {
      const command = commands[i] as LoggedCommand
      const waiter = waiters[i] as Waiter
      const seq = firstSeq + i
      let result: unknown
      try {
        result = applyCommand(this.#machine, this.#state, command, seq, time)
      } catch (error) {
        refused ??= new Map()
        refused.set(seq, undefined)
        this.#tellRefused(command, seq, time, error)
        waiter.refuse(error)
        continue
      }
      waiter.accept(result)
    }
    this.#lastTime = time
    this.#refused += refused?.size ?? 0
    this.#ledger.applied(lastSeq, refused ?? NONE_REFUSED)
    this.onApplied(commands.length)
  }

  #tellRefused([name]: LoggedCommand, seq: number, time: number, error: unknown): void {
    if (isRefusal(error)) return
    this.#applyFailures += 1
    tell(this.#events, 'applyFailed', { seq, time, name, error })
  }
}

function unapplied(seq: number, cause: unknown): HoldfastError {
  return new HoldfastError(
    'FAILED',
    'the command is in the log, and was not applied: the store failed before',
    {
      seq,
      outcome: 'unknown',
      cause,
      hint: 'Close the store and open it again: opening recovers.',
    },
  )
}
