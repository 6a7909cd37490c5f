import type { Codec } from '@holdfast/codec'
import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import type { ReplayTarget } from '@holdfast/recovery'
import type { SnapshotReader } from '@holdfast/snapshot'
import type { Batch, Mark } from '@holdfast/wal'
import { applyCommand } from './apply.ts'
import type { LoggedCommand } from './commands.ts'
import { decodeCommands } from './decode-commands.ts'
import type { Machine } from './machine.ts'
import { type NoteCarrier, OutcomeLedger, outcomesMissing } from './outcome-ledger.ts'
import { decodeOutcomes, type RecordedOutcomes } from './outcomes.ts'
import { isRefusal } from './refusal.ts'
import { newerMachine, noUpgrade, readContent } from './snapshot-content.ts'

/**
 * Batches of an older machine wait for their outcomes, which stand in the note of the second batch after
 * them at the latest. Part of the format: more than these waiting means that outcomes are missing.
 */
const MAX_HELD_BATCHES = 2

const NO_NOTE = new Uint8Array(0)

/** Where a replay ends before the log does. */
export interface ReplayLimit {
  /** The last sequence that is applied. */
  readonly seq?: number
  /** The last sequence whose batch is not younger than this is the last that is applied. */
  readonly time?: number
  /**
   * Given, nothing is read behind `seq` that need not be. What the log may not say yet of the outcomes up to there, as
   * a note has it; empty where there is nothing.
   */
  readonly outcomes?: Uint8Array
}

/** What a replay did, beside making a state. */
export interface ReplayFigures {
  /** Commands that went through `apply`. */
  readonly applied: number
  /** Commands that were refused, those included that were only skipped as the record says. */
  readonly refused: number
  /** Of these, commands that threw something else than a `Refusal`: probably a bug. */
  readonly failed: number
  /** Commands of an older machine, refused ones included. */
  readonly upgraded: number
  /** Commands at the end of the log whose outcome the crash left unrecorded, so that this replay decided it. */
  readonly decided: number
}

interface HeldBatch {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly time: number
  readonly machineVersion: number
  readonly commands: LoggedCommand[]
}

/**
 * Builds a state out of a snapshot and batches. Commands of this version of the machine all run again, and
 * must come out as recorded; recorded refusals of an older version are skipped, and its accepted commands
 * run through `upgrade`.
 */
export class Replay<State extends object> implements ReplayTarget {
  readonly #machine: Machine<State>
  readonly #codecs: ReadonlyMap<string, Codec<unknown>>
  readonly #held: HeldBatch[] = []
  #limit: ReplayLimit
  #limited = false
  #state: State
  #ledger: OutcomeLedger = new OutcomeLedger(0)
  #lastTime = 0
  #sawOlder = false
  #broken: Error | undefined
  #figures = { applied: 0, refused: 0, failed: 0, upgraded: 0 }

  constructor(machine: Machine<State>, codecs: ReadonlyMap<string, Codec<unknown>>, limit: ReplayLimit = {}) {
    this.#machine = machine
    this.#codecs = codecs
    this.#limit = limit
    this.#state = machine.initial()
  }

  get state(): State {
    return this.#state
  }

  /** Recorded and unrecorded outcomes up to here: the store goes on with it. */
  get ledger(): OutcomeLedger {
    return this.#ledger
  }

  get appliedSeq(): number {
    return this.#ledger.appliedThrough
  }

  /** The last sequence that was handed in: what waits for its outcome counts. */
  get receivedThrough(): number {
    return this.#held.at(-1)?.lastSeq ?? this.appliedSeq
  }

  /** What the state came to grief over: it is none that ever was. `undefined` where it is sound. */
  get broken(): Error | undefined {
    return this.#broken
  }

  /** The time of the last command that was applied; 0 before the first. */
  get lastTime(): number {
    return this.#lastTime
  }

  /** Whether anything was written by an older version of the machine: a snapshot should follow. */
  get sawOlder(): boolean {
    return this.#sawOlder
  }

  get figures(): ReplayFigures {
    return { ...this.#figures, decided: this.#ledger.unrecorded }
  }

  /** The limit is reached, and the log has said what came of the commands before it. */
  get satisfied(): boolean {
    if (!this.#limited || this.#held.length > 0) return false
    return this.#limit.outcomes !== undefined || this.#ledger.recordedThrough >= this.appliedSeq
  }

  async restore(reader: SnapshotReader): Promise<void> {
    const { seq, time, machineVersion } = reader.header
    this.#state = await readContent(reader, this.#machine)
    this.#ledger = new OutcomeLedger(seq)
    const outcomes = decodeOutcomes(reader.header.note)
    if (outcomes !== undefined) this.#ledger.record(outcomes, 'snapshot')
    this.#lastTime = time
    this.#sawOlder = machineVersion < this.#machine.version
  }

  reset(): void {
    this.#state = this.#machine.initial()
    this.#ledger = new OutcomeLedger(0)
    this.#lastTime = 0
    this.#sawOlder = false
  }

  apply(item: Batch | Mark): void {
    const outcomes = decodeOutcomes(item.note)
    if (outcomes !== undefined) this.#record(outcomes, 'records' in item ? 'batch' : 'mark')
    this.#runHeld(false)
    if (!('records' in item) || this.#limited || item.lastSeq <= this.receivedThrough) return
    const batch = this.#within(item)
    if (batch === undefined) return
    this.#held.push(batch)
    if (this.#limited) this.#recordLast()
    this.#runHeld(false)
    const [first] = this.#held
    if (first !== undefined && this.#held.length > MAX_HELD_BATCHES) throw outcomesMissing(first.firstSeq)
  }

  /** The log has ended: what waits for its outcome is decided by running it. */
  finish(): void {
    this.#runHeld(true)
  }

  /** Decodes the part of a batch that is wanted; nothing where the limit lies before it. */
  #within(batch: Batch): HeldBatch | undefined {
    const { firstSeq, time, machineVersion } = batch
    if (machineVersion > this.#machine.version)
      throw newerMachine(machineVersion, this.#machine.version, { seq: firstSeq })
    if (time > (this.#limit.time ?? Infinity) || firstSeq > (this.#limit.seq ?? Infinity)) {
      this.#limited = true
      return undefined
    }
    const commands = decodeCommands(batch, this.#codecs)
    const lastSeq = Math.min(batch.lastSeq, this.#limit.seq ?? Infinity)
    this.#limited = this.#limit.seq === lastSeq
    commands.length = lastSeq - firstSeq + 1
    return { firstSeq, lastSeq, time, machineVersion, commands }
  }

  /** Batches behind the limit say it, too, where they come to be read. */
  #recordLast(): void {
    const outcomes = decodeOutcomes(this.#limit.outcomes ?? NO_NOTE)
    if (outcomes !== undefined && outcomes.from <= this.#ledger.recordedThrough + 1)
      this.#record(outcomes, 'mark')
  }

  /** What it says may be of batches that were applied long ago. */
  #record(outcomes: RecordedOutcomes, carrier: NoteCarrier): void {
    try {
      this.#ledger.record(outcomes, carrier)
    } catch (error) {
      if (isHoldfastError(error, 'DIVERGED')) this.#broken = error
      throw error
    }
  }

  #runHeld(ended: boolean): void {
    for (let batch = this.#held[0]; batch !== undefined; batch = this.#held[0]) {
      const older = batch.machineVersion < this.#machine.version
      if (older && !ended && batch.lastSeq > this.#ledger.recordedThrough) return
      this.#run(batch, older)
      this.#held.shift()
    }
  }

  #run(batch: HeldBatch, older: boolean): void {
    const { firstSeq, lastSeq, time } = batch
    const refused = new Map<number, unknown>()
    // A snapshot may end inside a batch that another writer of the log had put together.
    const start = Math.max(0, this.#ledger.appliedThrough + 1 - firstSeq)
    // All that may throw of itself comes before anything is applied: the state is as it was then.
    const commands = older ? this.#upgraded(batch, start) : batch.commands
    this.#assertKnown(commands, start, firstSeq)
    try {
      for (let i = start; i < commands.length; i++) {
        const command = commands[i]
        const seq = firstSeq + i
        if (command !== undefined) this.#applyOne(command, seq, time, refused)
        else if (this.#ledger.recorded(seq) === 'refused') refused.set(seq, undefined)
      }
      this.#ledger.applied(lastSeq, refused)
    } catch (error) {
      this.#broken = error as Error
      throw error
    }
    if (older) {
      this.#sawOlder = true
      this.#figures.upgraded += commands.length - start
    }
    this.#figures.refused += refused.size
    this.#lastTime = time
  }

  #applyOne(command: LoggedCommand, seq: number, time: number, refused: Map<number, unknown>): void {
    this.#figures.applied += 1
    try {
      applyCommand(this.#machine, this.#state, command, seq, time)
    } catch (error) {
      if (!isRefusal(error)) this.#figures.failed += 1
      refused.set(seq, error)
    }
  }

  /** What was in the machine when it was logged: to refuse it now would lose an acknowledged command. */
  #assertKnown(commands: readonly (LoggedCommand | undefined)[], start: number, firstSeq: number): void {
    const { names } = this.#machine
    if (names === undefined) return
    let known: string | undefined
    for (let i = start; i < commands.length; i++) {
      const name = commands[i]?.[0]
      // Most are like the one before.
      if (name === known || name === undefined) continue
      if (!names.has(name)) {
        throw new HoldfastError(
          'UNKNOWN_COMMAND',
          `the log holds the command '${name}', which this machine does not have`,
          { seq: firstSeq + i },
        )
      }
      known = name
    }
  }

  /** Commands of an older machine, as this one has them; `undefined` for those that are skipped: refused then, or dropped by `upgrade`. */
  #upgraded(
    { commands, firstSeq, machineVersion: from }: HeldBatch,
    start: number,
  ): (LoggedCommand | undefined)[] {
    const { upgrade, version } = this.#machine
    return commands.map((command, i) => {
      const seq = firstSeq + i
      if (i < start || this.#ledger.recorded(seq) === 'refused') return undefined
      if (upgrade === undefined) throw noUpgrade(from, version)
      try {
        return upgrade.command === undefined ? command : upgrade.command(command, from)
      } catch (cause) {
        throw new HoldfastError('UPGRADE_FAILED', `upgrade threw over a command of version ${from}`, {
          seq,
          cause,
        })
      }
    })
  }
}
