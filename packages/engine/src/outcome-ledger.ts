import { HoldfastError } from '@holdfast/environment'
import { encodeOutcomes, type RecordedOutcomes } from './outcomes.ts'

/** What came of a command, as far as the log is concerned. */
export type Outcome = 'accepted' | 'refused'

/**
 * Which commands were refused: what the log has recorded against what `apply` did.
 *
 * The two run at different speeds. Mostly `apply` is ahead, and what it did waits here to be recorded in
 * the note of a later batch. While the commands of an older machine are replayed the record is ahead, and
 * says what is to be skipped. Where both have been, they agree, or `DIVERGED` is thrown.
 */
export class OutcomeLedger {
  /** Outcomes up to here stand in the log. */
  #recordedThrough: number
  /** Commands up to here went through `apply`, or were skipped as the record says. */
  #appliedThrough: number
  /** Refused, and above `#recordedThrough`: with what `apply` threw, where that is worth keeping. Ascending. */
  readonly #unrecorded: Map<number, unknown> = new Map()
  /** Recorded as refused, and above `#appliedThrough`. Ascending. */
  readonly #awaited: Set<number> = new Set()
  /** What `note` has handed out, as far as the last one went. */
  #offeredThrough: number

  /** Everything up to `seq` is behind us: a snapshot holds it. */
  constructor(seq: number) {
    this.#recordedThrough = seq
    this.#appliedThrough = seq
    this.#offeredThrough = seq
  }

  get recordedThrough(): number {
    return this.#recordedThrough
  }

  get appliedThrough(): number {
    return this.#appliedThrough
  }

  /** How many outcomes are known here and not in the log. */
  get unrecorded(): number {
    return Math.max(0, this.#appliedThrough - this.#recordedThrough)
  }

  /** What the log has recorded of a command that is yet to be applied; `undefined` where it says nothing yet. */
  recorded(seq: number): Outcome | undefined {
    if (seq > this.#recordedThrough) return undefined
    return this.#awaited.has(seq) ? 'refused' : 'accepted'
  }

  /** The refused among applied commands whose outcomes the log does not have; `undefined` where this knows less or the log knows more. */
  refusedIn(firstSeq: number, lastSeq: number): number[] | undefined {
    if (firstSeq <= this.#recordedThrough || lastSeq > this.#appliedThrough) return undefined
    return [...this.#unrecorded.keys()].filter((seq) => seq >= firstSeq && seq <= lastSeq)
  }

  /** The commands up to `lastSeq` were applied; `refused` are those that threw, and what. */
  applied(lastSeq: number, refused: ReadonlyMap<number, unknown>): void {
    const through = Math.min(lastSeq, this.#recordedThrough)
    if (through > this.#appliedThrough) {
      agree([...this.#awaited], refused, through)
      dropThrough(this.#awaited, through)
    }
    for (const [seq, error] of refused) {
      if (seq > this.#recordedThrough) this.#unrecorded.set(seq, error)
    }
    this.#appliedThrough = lastSeq
  }

  /**
   * The log says what came of these. Ranges may overlap what was recorded before. Throws `DIVERGED`, and
   * `UPGRADE_FAILED` where the outcome of a command that waits for it was never recorded.
   */
  record({ from, through, refused }: RecordedOutcomes): void {
    if (through <= this.#recordedThrough) return
    if (from > this.#recordedThrough + 1) this.#stepOver(from - 1)
    const recorded = refused.filter((seq) => seq > this.#recordedThrough)
    agree(
      recorded.filter((seq) => seq <= this.#appliedThrough),
      this.#unrecorded,
      Math.min(through, this.#appliedThrough),
    )
    dropThrough(this.#unrecorded, through)
    for (const seq of recorded) if (seq > this.#appliedThrough) this.#awaited.add(seq)
    this.#recordedThrough = through
  }

  /** The bytes for the next batch or mark: all outcomes that no batch has carried yet; `undefined` where there is nothing new. */
  note(): Uint8Array | undefined {
    if (this.#appliedThrough <= this.#offeredThrough) return undefined
    this.#offeredThrough = this.#appliedThrough
    return encodeOutcomes({
      from: this.#recordedThrough + 1,
      through: this.#appliedThrough,
      refused: [...this.#unrecorded.keys()],
    })
  }

  /** What was handed out since the last `record` may not have been written: it is offered again. */
  offerAgain(): void {
    this.#offeredThrough = this.#recordedThrough
  }

  /** Outcomes that are not in the log and never will be. Nobody misses those of commands that have been applied already. */
  #stepOver(through: number): void {
    if (through > this.#appliedThrough) throw outcomesMissing(this.#appliedThrough + 1)
    dropThrough(this.#unrecorded, through)
    this.#recordedThrough = through
  }
}

/** A command of an older machine cannot be replayed without knowing whether it was accepted then. */
export function outcomesMissing(seq: number): HoldfastError {
  return new HoldfastError(
    'UPGRADE_FAILED',
    'the log does not say whether this command of an older machine was accepted',
    {
      seq,
      hint: 'Open the store once with the version of the machine that wrote it, take a snapshot, close it, and open it with this version again.',
    },
  )
}

/** Both hold ascending sequences. */
function dropThrough(sequences: Set<number> | Map<number, unknown>, through: number): void {
  for (const seq of sequences.keys()) {
    if (seq > through) return
    sequences.delete(seq)
  }
}

/** Both lists, as far as `through`, name the same sequences. */
function agree(recorded: readonly number[], replayed: ReadonlyMap<number, unknown>, through: number): void {
  const was = recorded.filter((seq) => seq <= through)
  const is = [...replayed.keys()].filter((seq) => seq <= through)
  for (let i = 0; i < Math.max(was.length, is.length); i++) {
    const [then, now] = [was[i] ?? Infinity, is[i] ?? Infinity]
    if (then < now) throw diverged(then, 'refused', 'accepted')
    if (now < then) throw diverged(now, 'accepted', 'refused', replayed.get(now))
  }
}

function diverged(seq: number, recorded: Outcome, replayed: Outcome, cause?: unknown): HoldfastError {
  return new HoldfastError(
    'DIVERGED',
    `the command was ${recorded} when it was first applied, and is ${replayed} now`,
    {
      seq,
      details: { recorded, replayed },
      cause,
    },
  )
}
