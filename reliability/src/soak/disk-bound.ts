// The formula of "How much disk a store takes", in the README of the engine, held against a store that is being written.

/** A file of the store: its path below the directory, with `/`. */
export interface StoredFile {
  readonly path: string
  readonly bytes: number
}

/** What the store is opened with. */
export interface DiskSettings {
  readonly keep: number
  readonly segmentBytes: number
  /** `undefined`: the default policy. */
  readonly everyBytes: number | undefined
}

/** What the formula is made of, over all lives of the store. */
export interface DiskFigures {
  /** The largest snapshot, and the largest batch in its frame. */
  snapshotBytes: number
  batchBytes: number
  /** Logged from when a snapshot was due until it was begun: of the one that comes next, and of those before, newest first. */
  lateBytes: readonly number[]
  /** The most that was logged from then until retention had run. */
  meanwhileBytes: number
  /** The highest share of the bound, and of how many looks. */
  share: number
  looks: number
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

const SEGMENT = /^wal\/(\d{20})-(\d{10})\.wal$/
const SNAPSHOT = /^snapshots\/(\d{20})-\d{10}\.snap$/

/** Looks at a store again and again. */
export class DiskBound {
  readonly figures: DiskFigures
  readonly #settings: DiskSettings

  constructor(settings: DiskSettings, figures: Partial<DiskFigures> = {}) {
    this.#settings = settings
    this.figures = {
      snapshotBytes: 0,
      batchBytes: 0,
      lateBytes: [0],
      meanwhileBytes: 0,
      share: 0,
      looks: 0,
      ...figures,
    }
  }

  batch(bytes: number): void {
    this.figures.batchBytes = Math.max(this.figures.batchBytes, bytes)
  }

  /** One has been published: what was late with the one before the oldest that is kept counts no longer. */
  snapshot(): void {
    this.figures.lateBytes = [0, ...this.figures.lateBytes].slice(0, this.#settings.keep + 1)
  }

  /**
   * Throws when the files take more than the bound. `bytesSince` is what the store says was logged since the last
   * attempt at a snapshot.
   */
  look(files: readonly StoredFile[], bytesSince: number): void {
    const { figures } = this
    figures.looks += 1
    for (const { path, bytes } of files)
      if (path.startsWith('snapshots/')) figures.snapshotBytes = Math.max(figures.snapshotBytes, bytes)
    const meanwhileBytes = this.#isUnderWay(files) ? bytesSince : 0
    figures.meanwhileBytes = Math.max(figures.meanwhileBytes, meanwhileBytes)
    const [late = 0, ...before] = figures.lateBytes
    figures.lateBytes = [Math.max(late, bytesSince - this.#interval), ...before]
    const bytes = sumOf(files)
    const bound = this.#bound(files, meanwhileBytes)
    figures.share = Math.max(figures.share, bytes / bound)
    if (bytes <= bound) return
    const each = files.map((file) => `${file.path} ${file.bytes}`).join(', ')
    throw new Error(
      `the store takes ${bytes} bytes, and ${Math.round(bound)} is the bound (${JSON.stringify(figures)}): ${each}`,
    )
  }

  /** So much log makes a snapshot due. */
  get #interval(): number {
    return this.#settings.everyBytes ?? Math.max(LOG_MIN_BYTES, this.figures.snapshotBytes)
  }

  #bound(files: readonly StoredFile[], meanwhileBytes: number): number {
    const { keep, segmentBytes } = this.#settings
    const { snapshotBytes, batchBytes, lateBytes } = this.figures
    // One that is larger has a segment to itself.
    const segment = Math.max(segmentBytes, batchBytes)
    const segments = files.filter(({ path }) => path.startsWith('wal/'))
    const named = sumOf(files.filter(({ path }) => path === 'MANIFEST' || path === 'LOCK'))
    const log = keep * (this.#interval + batchBytes) + lateBytes.reduce((sum, late) => sum + late, 0)
    const ahead = 2 * Math.min(segment, AHEAD_MAX_BYTES) + Math.min(segment, PREPARED_BYTES)
    // The manifest is there twice while it is replaced.
    const own = segments.length * SEGMENT_OWN_BYTES + sumOf(segments) * INDEX_SHARE + 2 * named
    return (keep + 1) * snapshotBytes + log + meanwhileBytes + segment + ahead + own
  }

  /** A snapshot is being written, or what it makes superfluous has not gone yet. */
  #isUnderWay(files: readonly StoredFile[]): boolean {
    const { keep } = this.#settings
    const all = files.filter(({ path }) => path.startsWith('snapshots/'))
    const stored = numbersOf(files, SNAPSHOT)
    if (all.length > stored.length || stored.length > keep) return true
    // A segment is to go if the next one begins right behind the oldest snapshot, or before.
    const [, second = Number.POSITIVE_INFINITY] = numbersOf(files, SEGMENT).filter((firstSeq) => firstSeq > 0)
    return stored.length === keep && second <= (stored[0] as number) + 1
  }
}

/** Of the files that are named so, in order. */
function numbersOf(files: readonly StoredFile[], name: RegExp): number[] {
  return files
    .flatMap(({ path }) => {
      const number = name.exec(path)?.[1]
      return number === undefined ? [] : [Number(number)]
    })
    .toSorted((a, b) => a - b)
}

function sumOf(files: readonly StoredFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}
