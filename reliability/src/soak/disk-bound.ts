// The formula of "How much disk a store takes", in the README of the engine, held against a store that is being written.
import {
  type Due,
  type Found,
  type IntervalFigures,
  Intervals,
  type Logged,
  NO_INTERVALS,
} from './intervals.ts'
import { bytesOf, isLogSuperfluous, snapshotsIn, type StoredFile } from './stored-files.ts'

/** What the store is opened with. */
export interface DiskSettings {
  readonly keep: number
  readonly segmentBytes: number
  /** `undefined`: the default policy. */
  readonly everyBytes: number | undefined
}

/** What the store says of itself. */
export interface Said extends Omit<Logged, 'pinnedFrom'> {
  readonly pins: readonly { readonly from: number; readonly bytes: number; readonly maxBytes: number }[]
}

/** What the formula is made of, over all lives of the store. */
export interface DiskFigures extends IntervalFigures {
  /** The largest snapshot, and the largest batch in its frame. */
  readonly snapshotBytes: number
  readonly batchBytes: number
  /** The most that was logged while a snapshot was taken. */
  readonly meanwhileMaxBytes: number
  /** The most that was logged between two by attempts that came to nothing. */
  readonly givenUpMaxBytes: number
  /** The cap of the pins that have kept something from the last trim: 0 where nobody is behind. And the most that one has kept. */
  readonly pinBytes: number
  readonly heldBackBytes: number
  /** The highest share of the bound, and of how many looks. */
  readonly share: number
  readonly looks: number
}

/** The policy's own floor. */
const LOG_MIN_BYTES = 64 * 1024 * 1024
/** Of the segment that is appended to, and of the one before while it is sealed: steps are of 4 MiB at most, and taken when half of one is left. */
const AHEAD_MAX_BYTES = 6 * 1024 * 1024
/** Of the one that comes next. */
const PREPARED_BYTES = 64 * 1024
/** Of each: header and footer, and in that 16 bytes for every 64 KiB. */
const SEGMENT_OWN_BYTES = 512 + 64
const INDEX_SHARE = 16 / (64 * 1024)

/** Looks at a store again and again. */
export class DiskBound {
  readonly #settings: DiskSettings
  readonly #intervals: Intervals
  #snapshotBytes: number
  #batchBytes: number
  #meanwhileMaxBytes: number
  #givenUpMaxBytes: number
  #pinBytes: number
  #heldBackBytes: number
  #share: number
  #looks: number

  constructor(settings: DiskSettings, figures: Partial<DiskFigures> = {}) {
    this.#settings = settings
    const { newest, intervals, begun, closed } = { ...NO_INTERVALS, ...figures }
    this.#intervals = new Intervals(settings.keep, { newest, intervals, begun, closed })
    this.#snapshotBytes = figures.snapshotBytes ?? 0
    this.#batchBytes = figures.batchBytes ?? 0
    this.#meanwhileMaxBytes = figures.meanwhileMaxBytes ?? 0
    this.#givenUpMaxBytes = figures.givenUpMaxBytes ?? 0
    this.#pinBytes = figures.pinBytes ?? 0
    this.#heldBackBytes = figures.heldBackBytes ?? 0
    this.#share = figures.share ?? 0
    this.#looks = figures.looks ?? 0
  }

  get figures(): DiskFigures {
    return {
      ...this.#intervals.figures,
      snapshotBytes: this.#snapshotBytes,
      batchBytes: this.#batchBytes,
      meanwhileMaxBytes: this.#meanwhileMaxBytes,
      givenUpMaxBytes: this.#givenUpMaxBytes,
      pinBytes: this.#pinBytes,
      heldBackBytes: this.#heldBackBytes,
      share: this.#share,
      looks: this.#looks,
    }
  }

  batch(bytes: number): void {
    this.#batchBytes = Math.max(this.#batchBytes, bytes)
  }

  /** A life begins. `survivorBytes`: what opening writes once more. Throws as `look` does. */
  opened(
    files: readonly StoredFile[],
    found: Omit<Found, 'leftMaxBytes'> & { readonly survivorBytes: number },
    said: Said,
  ): void {
    const leftMaxBytes = found.survivorBytes + Math.min(this.#settings.segmentBytes, AHEAD_MAX_BYTES)
    this.#intervals.opened(files, { ...found, leftMaxBytes }, this.#due, loggedOf(said))
    this.look(files, said)
  }

  /** One has been published. */
  snapshot(name: string): void {
    this.#intervals.published(name)
  }

  /** What the last one made superfluous is gone. */
  trimmed(files: readonly StoredFile[], said: Said): void {
    this.#intervals.trimmed(files, loggedOf(said))
  }

  /** In good order; a store whose snapshots are taken by a thread `gives up` one that it does not wait for. */
  closed(how: 'waits' | 'gives up'): void {
    this.#intervals.closed(how)
  }

  /** Throws when the files take more than the bound. Says whether something has changed that the next process has to know. */
  look(files: readonly StoredFile[], said: Said): boolean {
    this.#looks += 1
    for (const { path, bytes } of files)
      if (path.startsWith('snapshots/')) this.#snapshotBytes = Math.max(this.#snapshotBytes, bytes)
    this.#heldBackBytes = Math.max(this.#heldBackBytes, ...said.pins.map(({ bytes }) => bytes))
    const changed = this.#intervals.look(files, loggedOf(said))
    this.#lookForPins(files, said)
    const { intervals } = this.#intervals.figures
    for (const { meanwhileBytes, givenUpBytes } of intervals) {
      this.#meanwhileMaxBytes = Math.max(this.#meanwhileMaxBytes, meanwhileBytes)
      this.#givenUpMaxBytes = Math.max(this.#givenUpMaxBytes, givenUpBytes)
    }
    const bytes = bytesOf(files)
    const bound = this.#bound(files)
    this.#share = Math.max(this.#share, bytes / bound)
    if (bytes <= bound) return changed
    const each = files.map((file) => `${file.path} ${file.bytes}`).join(', ')
    const figures = JSON.stringify({ ...this.figures, ...said })
    throw new Error(
      `the store takes ${bytes} bytes, and ${Math.round(bound)} is the bound (${figures}): ${each}`,
    )
  }

  /** From when a snapshot is published until what it makes superfluous is gone, that is what is there. */
  #lookForPins(files: readonly StoredFile[], { pins }: Said): void {
    const { keep } = this.#settings
    if (this.#intervals.figures.begun?.isPublished === true || snapshotsIn(files) > keep) return
    const isBehind = isLogSuperfluous(files, keep, Number.POSITIVE_INFINITY)
    this.#pinBytes = isBehind ? Math.max(this.#pinBytes, ...pins.map(({ maxBytes }) => maxBytes)) : 0
  }

  get #due(): Due {
    return {
      intervalBytes: this.#settings.everyBytes ?? Math.max(LOG_MIN_BYTES, this.#snapshotBytes),
      batchBytes: this.#batchBytes,
    }
  }

  #bound(files: readonly StoredFile[]): number {
    const { keep, segmentBytes } = this.#settings
    // One that is larger has a segment to itself.
    const segment = Math.max(segmentBytes, this.#batchBytes)
    const segments = files.filter(({ path }) => path.startsWith('wal/'))
    const named = bytesOf(files.filter(({ path }) => path === 'MANIFEST' || path === 'LOCK'))
    const log = this.#intervals.logBytes(this.#due) + this.#intervals.meanwhileBytes
    const ahead = 2 * Math.min(segment, AHEAD_MAX_BYTES) + Math.min(segment, PREPARED_BYTES)
    // The manifest is there twice while it is replaced.
    const own = segments.length * SEGMENT_OWN_BYTES + bytesOf(segments) * INDEX_SHARE + 2 * named
    return (keep + 1) * this.#snapshotBytes + log + segment + ahead + own + this.#pinBytes
  }
}

function loggedOf({ pins, ...logged }: Said): Logged {
  return { ...logged, pinnedFrom: Math.min(Number.POSITIVE_INFINITY, ...pins.map(({ from }) => from)) }
}
