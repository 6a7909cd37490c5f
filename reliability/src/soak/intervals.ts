// How long the log between two snapshots may be: the `L` and the `W` of "How much disk a store takes", in the README of
// the engine. Measured is only what the formula names. By how much a snapshot comes too late is never a part of it.
import { isSomethingSuperfluous, type StoredFile } from './stored-files.ts'

/** What the log from one snapshot to the next may be longer for. */
export interface Interval {
  /** Logged from when the first of the two was begun until what it made superfluous was gone. */
  readonly meanwhileBytes: number
  /** Logged by attempts at the second that came to nothing, because the process was killed or the store closed. */
  readonly givenUpBytes: number
  /** What a crash left that made the second due. What others left before that counts as any log does. */
  readonly leftBytes: number
}

/** A snapshot that has been begun, until what it makes superfluous is gone. */
interface Begun {
  /** So long was the log behind the one before it. */
  readonly atBytes: number
  readonly isPublished: boolean
}

/** What the next process has to know. */
export interface IntervalFigures {
  /** The name of the newest snapshot. */
  readonly newest: string
  /** The one that the next snapshot will end, and those before it, newest first. */
  readonly intervals: readonly Interval[]
  readonly begun: Begun | undefined
  /** How the last life ended: closed, and whether a thread that took a snapshot was given up for that; `undefined`: not at all, or killed. */
  readonly closed: 'waits' | 'gives up' | undefined
}

/** What the store says of its log. */
export interface Logged {
  /** Since it was opened. */
  readonly appendedBytes: number
  /** Since it last began a snapshot, or what was there behind the last one. */
  readonly sinceBytes: number
  readonly atMs: number
  /** The first sequence that a pin needs. */
  readonly pinnedFrom: number
}

/** What opening found. */
export interface Found {
  /** The snapshot that the state is from. */
  readonly newest: string
  /** The log behind it. */
  readonly sinceBytes: number
  /** So much of that may be what a crash left: space taken ahead, and what was written once more. */
  readonly leftMaxBytes: number
}

/** From when on a snapshot must have come. */
export interface Due {
  readonly intervalBytes: number
  readonly batchBytes: number
}

const NONE: Interval = { meanwhileBytes: 0, givenUpBytes: 0, leftBytes: 0 }
export const NO_INTERVALS: IntervalFigures = {
  newest: '',
  intervals: [NONE],
  begun: undefined,
  closed: undefined,
}
/** A snapshot that isn't done by then hangs: what is logged meanwhile counts no longer. A thread that is silent for a minute is ended by the engine. */
const PATIENCE_MS = 120_000

/** Follows a store from one snapshot to the next, through lives that are closed and killed. Snapshots that fail are not allowed for. */
export class Intervals {
  #figures: IntervalFigures
  readonly #keep: number
  /** Where the last snapshot was begun, and the last that was published: in bytes of the log since the store was opened. */
  #begunAt = 0
  #publishedAt = 0
  #begunMs = 0
  #meanwhileBytes = 0

  constructor(keep: number, figures: IntervalFigures) {
    this.#keep = keep
    this.#figures = figures
  }

  get figures(): IntervalFigures {
    return this.#figures
  }

  /** `W`: what has been logged since the snapshot that is under way was begun. */
  get meanwhileBytes(): number {
    return this.#figures.begun === undefined ? 0 : this.#meanwhileBytes
  }

  /** `keep` times `L`. */
  logBytes({ intervalBytes, batchBytes }: Due): number {
    // Until what came before the oldest that is kept is gone, the interval that has just begun is one too many.
    const first = this.#figures.begun?.isPublished === true ? 1 : 0
    return Array.from({ length: this.#keep }, (_, index) => this.#interval(first + index))
      .map((each) => lengthOf(each, intervalBytes) + batchBytes)
      .reduce((sum, bytes) => sum + bytes, 0)
  }

  opened(files: readonly StoredFile[], found: Found, due: Due, { atMs, pinnedFrom }: Logged): void {
    const { newest, begun, closed } = this.#figures
    const { sinceBytes } = found
    if (found.newest !== newest) {
      this.#publish(found.newest)
      // It died before it could say how much that was.
      this.#lengthen({ meanwhileBytes: sinceBytes })
    } else if (begun?.isPublished === true) this.#lengthen({ meanwhileBytes: sinceBytes })
    else if (begun !== undefined) this.#giveUp(Math.max(0, sinceBytes - begun.atBytes), closed, due)
    if (closed === undefined) this.#countLeft(found, due)
    this.#begunAt = this.#publishedAt = -sinceBytes
    this.#begunMs = atMs
    this.#meanwhileBytes = sinceBytes
    const isOver = !isSomethingSuperfluous(files, this.#keep, pinnedFrom)
    this.#change({ begun: isOver ? undefined : { atBytes: 0, isPublished: true }, closed: undefined })
  }

  /** Says whether something has changed that the next process has to know. */
  look(files: readonly StoredFile[], { appendedBytes, sinceBytes, atMs, pinnedFrom }: Logged): boolean {
    const before = this.#figures
    const begunAt = appendedBytes - sinceBytes
    if (begunAt > this.#begunAt) {
      // Nobody has looked while there was none: the one before was done with at that moment.
      if (before.begun?.isPublished === true) this.#lengthen({ meanwhileBytes: begunAt - this.#begunAt })
      this.#begunAt = begunAt
      this.#begunMs = atMs
      this.#meanwhileBytes = 0
      this.#change({ begun: { atBytes: begunAt - this.#publishedAt, isPublished: false } })
    }
    if (this.#figures.begun !== undefined && atMs - this.#begunMs < PATIENCE_MS)
      this.#meanwhileBytes = appendedBytes - this.#begunAt
    if (this.#figures.begun?.isPublished === true) {
      this.#lengthen({ meanwhileBytes: this.#meanwhileBytes })
      if (!isSomethingSuperfluous(files, this.#keep, pinnedFrom)) this.#change({ begun: undefined })
    }
    return before.begun !== this.#figures.begun
  }

  /** The one that was begun has been published. */
  published(name: string): void {
    this.#publish(name)
    this.#publishedAt = this.#begunAt
    this.#change({ begun: { atBytes: 0, isPublished: true } })
  }

  /** What it made superfluous is gone. */
  trimmed(files: readonly StoredFile[], logged: Logged): void {
    this.look(files, logged)
    if (this.#figures.begun?.isPublished === true) this.#change({ begun: undefined })
  }

  /** In good order. */
  closed(how: 'waits' | 'gives up'): void {
    this.#change({ closed: how })
  }

  /**
   * Whoever is killed begins again, each time. Closing gives up only what a thread does, and only while the log is
   * not two intervals long.
   */
  #giveUp(bytes: number, closed: IntervalFigures['closed'], { intervalBytes }: Due): void {
    if (closed === 'waits') return
    const { meanwhileBytes, givenUpBytes } = this.#interval(0)
    const before =
      closed === undefined
        ? givenUpBytes
        : Math.min(givenUpBytes, Math.max(0, 2 * intervalBytes - Math.max(intervalBytes, meanwhileBytes)))
    this.#lengthen({ givenUpBytes: before + bytes })
  }

  /** Where the log is longer than it may be without. */
  #countLeft({ sinceBytes, leftMaxBytes }: Found, { intervalBytes, batchBytes }: Due): void {
    const without = lengthOf({ ...this.#interval(0), leftBytes: 0 }, intervalBytes) + batchBytes
    this.#lengthen({ leftBytes: Math.min(leftMaxBytes, Math.max(0, sinceBytes - without)) })
  }

  #publish(newest: string): void {
    const intervals = [NONE, ...this.#figures.intervals].slice(0, this.#keep + 1)
    this.#change({ newest, intervals })
  }

  #lengthen(next: Partial<Interval>): void {
    this.#change({ intervals: [{ ...this.#interval(0), ...next }, ...this.#figures.intervals.slice(1)] })
  }

  #interval(index: number): Interval {
    return this.#figures.intervals[index] ?? NONE
  }

  #change(changed: Partial<IntervalFigures>): void {
    this.#figures = { ...this.#figures, ...changed }
  }
}

/** `L`, but for the batch that makes the next snapshot due. */
function lengthOf({ meanwhileBytes, givenUpBytes, leftBytes }: Interval, intervalBytes: number): number {
  return Math.max(intervalBytes, meanwhileBytes) + givenUpBytes + leftBytes
}
