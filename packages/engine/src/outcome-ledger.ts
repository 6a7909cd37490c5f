import { HoldfastError } from '@holdfast/environment'
import { encodeOutcomes, type RecordedOutcomes } from './outcomes.ts'

/** What came of a command, as far as the log is concerned. */
export type Outcome = 'accepted' | 'refused'

/**
 * What a note stands in. A mark is read only while no batch stands behind it, and the header of a snapshot
 * only while that is the newest: the next batch says all of it again.
 */
export type NoteCarrier = 'batch' | 'mark' | 'snapshot'

/**
 * Which commands were refused: what the log has recorded against what `apply` did.
 *
 * The two run at different speeds. Mostly `apply` is ahead, and what it did waits here to be recorded in
 * the note of a later batch. While the commands of an older machine are replayed the record is ahead, and
 * says what is to be skipped. Where both have been, they agree, or `DIVERGED` is thrown.
 */
export class OutcomeLedger {
  /** Outcomes up to here are carried by batches: no other has to say them again. */
  #carriedThrough: number
  /** Outcomes up to here are carried by durable batches: whoever reads the log finds them there. */
  #settledThrough: number
  /** Outcomes up to here are recorded, in a batch or in a mark. */
  #recordedThrough: number
  /** Commands up to here went through `apply`, or were skipped as the record says. */
  #appliedThrough: number
  /**
   * Those refused, as recorded or as applied, ascending: all above what is settled, and all that are settled
   * and not applied yet. With what `apply` threw, where that is worth keeping.
   */
  readonly #refused: Map<number, unknown> = new Map()

  /** Everything up to `seq` is behind us: a snapshot holds it. */
  constructor(seq: number) {
    this.#carriedThrough = seq
    this.#settledThrough = seq
    this.#recordedThrough = seq
    this.#appliedThrough = seq
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
    return this.#refused.has(seq) ? 'refused' : 'accepted'
  }

  /** The refused among commands that were applied and whose outcomes the durable log does not have; `undefined` for any others. */
  refusedIn(firstSeq: number, lastSeq: number): number[] | undefined {
    if (firstSeq <= this.#settledThrough || lastSeq > this.#appliedThrough) return undefined
    return [...this.#refused.keys()].filter((seq) => seq >= firstSeq && seq <= lastSeq)
  }

  /** The commands up to `lastSeq` were applied; `refused` are those that threw, ascending, and what. */
  applied(lastSeq: number, refused: ReadonlyMap<number, unknown>): void {
    const [after, through] = [this.#appliedThrough, Math.min(lastSeq, this.#recordedThrough)]
    if (through > after) agree(this.#refused.keys(), refused, after, through)
    for (const [seq, error] of refused) if (seq > this.#recordedThrough) this.#refused.set(seq, error)
    this.#appliedThrough = lastSeq
    this.#forget()
  }

  /**
   * The log says what came of these. Ranges may overlap what was recorded before. Throws `DIVERGED`, and
   * `UPGRADE_FAILED` where the outcome of a command that waits for it was never recorded.
   */
  record({ from, through, refused }: RecordedOutcomes, carrier: NoteCarrier): void {
    if (from > this.#recordedThrough + 1) this.#stepOver(from - 1)
    const applied = Math.min(through, this.#appliedThrough)
    agree(refused, this.#refused, Math.max(from - 1, this.#carriedThrough), applied)
    if (carrier !== 'batch' && from <= this.#carriedThrough) this.#takeBack(from, refused)
    for (const seq of refused)
      if (seq > this.#recordedThrough && seq > applied) this.#refused.set(seq, undefined)
    this.#recordedThrough = Math.max(this.#recordedThrough, through)
    if (carrier === 'batch') this.#carriedThrough = Math.max(this.#carriedThrough, through)
    this.#settledThrough = this.#carriedThrough
    this.#forget()
  }

  /** A batch has been committed with the note that went up to here. */
  carried(through: number): void {
    this.#carriedThrough = Math.max(this.#carriedThrough, through)
    this.#recordedThrough = Math.max(this.#recordedThrough, through)
  }

  /** That batch is durable. */
  settled(through: number): void {
    this.#settledThrough = Math.max(this.#settledThrough, through)
    this.#forget()
  }

  /**
   * The bytes for the next batch or mark: all outcomes that no committed batch carries; `undefined` where
   * there are none. What was handed out for a batch that was then refused is part of the next one.
   */
  note(): Uint8Array | undefined {
    return this.#noteBehind(this.#carriedThrough)
  }

  /** The same, of all outcomes that no durable batch carries: for whoever reads the durable log. */
  unsettled(): Uint8Array | undefined {
    return this.#noteBehind(this.#settledThrough)
  }

  #noteBehind(after: number): Uint8Array | undefined {
    if (this.#appliedThrough <= after) return undefined
    const refused = [...this.#refused.keys()].filter((seq) => seq > after && seq <= this.#appliedThrough)
    return encodeOutcomes({ from: after + 1, through: this.#appliedThrough, refused })
  }

  /** Outcomes that are not in the log and never will be. Nobody misses those of commands that have been applied already. */
  #stepOver(through: number): void {
    if (through > this.#appliedThrough) throw outcomesMissing(this.#appliedThrough + 1)
    this.#recordedThrough = through
  }

  /**
   * A mark or a snapshot says again what no batch carries. Of that a snapshot may hold a part, which is why
   * it looked carried.
   */
  #takeBack(from: number, refused: readonly number[]): void {
    const kept = [...this.#refused]
    this.#refused.clear()
    for (const seq of refused) if (seq <= this.#carriedThrough) this.#refused.set(seq, undefined)
    for (const [seq, error] of kept) this.#refused.set(seq, error)
    this.#carriedThrough = from - 1
  }

  #forget(): void {
    const through = Math.min(this.#settledThrough, this.#appliedThrough)
    for (const seq of this.#refused.keys()) {
      if (seq > through) return
      this.#refused.delete(seq)
    }
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

/** Both name the same sequences above `after`, as far as `through`. */
function agree(
  recorded: Iterable<number>,
  replayed: ReadonlyMap<number, unknown>,
  after: number,
  through: number,
): void {
  const within = (seqs: Iterable<number>): number[] =>
    [...seqs].filter((seq) => seq > after && seq <= through)
  const [was, is] = [within(recorded), within(replayed.keys())]
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
    { seq, details: { recorded, replayed }, cause },
  )
}
