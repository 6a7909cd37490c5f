import { GapError } from '@holdfast/environment'
import type { IndexEntry } from './format.ts'
import type { ManifestSegment } from './manifest.ts'
import type { SegmentEnd } from './plan.ts'

/** A segment of an open log, as readers and the manifest need it. */
export interface CatalogSegment {
  readonly id: number
  readonly salt: number
  readonly firstSeq: number
  path: string
  /** `undefined` while it is the one that is appended to. */
  end: SegmentEnd | undefined
  /** Where the last batch that counts ends. */
  countedBytes: number
  /** The size of the file. */
  bytes: number
  /** The size that it had, durably, before it was first appended to: what the manifest says while the segment has no end. */
  readonly firstBytes: number
  footerOffset: number | undefined
  /** Frames to begin reading at, in order; empty where none are known. */
  index: readonly IndexEntry[]
}

/** The segments of an open log in the order of the chain. The last is the newest. */
export class SegmentCatalog {
  readonly #segments: CatalogSegment[]
  #trimmedThrough: number

  constructor(segments: CatalogSegment[], trimmedThrough: number) {
    this.#segments = segments
    this.#trimmedThrough = trimmedThrough
  }

  get segments(): readonly CatalogSegment[] {
    return this.#segments
  }

  get newest(): CatalogSegment | undefined {
    return this.#segments.at(-1)
  }

  get trimmedThrough(): number {
    return this.#trimmedThrough
  }

  /** The first sequence that the log still holds, or would hold next. */
  get firstSeq(): number {
    return this.#segments[0]?.firstSeq ?? this.#trimmedThrough + 1
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  add(segment: CatalogSegment): void {
    this.#segments.push(segment)
  }

  /** Throws `GapError` when a sequence has been trimmed. */
  assertHolds(seq: number, path: string): void {
    if (seq < this.firstSeq) throw new GapError(seq, this.firstSeq, { path })
  }

  /** The segment that holds a sequence, which the log has. Throws `GapError` when it has been trimmed. */
  holding(seq: number, path: string): CatalogSegment {
    this.assertHolds(seq, path)
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const lastSeq = this.#segments[middle]?.end?.seq ?? Number.POSITIVE_INFINITY
      if (lastSeq < seq) low = middle + 1
      else high = middle
    }
    return this.#segments[low] as CatalogSegment
  }

  /**
   * Those, from the oldest on, that hold nothing above `throughSeq`; never the newest.
   * One whose records were all written again to its successor goes with that one: what was trimmed is told, after
   * a crash half-way, by where it begins.
   */
  upTo(throughSeq: number): CatalogSegment[] {
    const end = this.#segments.findIndex(
      ({ end }, i) => i === this.#segments.length - 1 || end === undefined || end.seq > throughSeq,
    )
    const last = this.#segments
      .slice(0, Math.max(end, 0))
      .findLastIndex((segment) => segment.end !== undefined && segment.firstSeq <= segment.end.seq)
    return this.#segments.slice(0, last + 1)
  }

  remove(segments: readonly CatalogSegment[]): void {
    this.#segments.splice(0, segments.length)
    this.#trimmedThrough = Math.max(this.#trimmedThrough, segments.at(-1)?.end?.seq ?? 0)
  }

  /** What the manifest says of them. */
  toManifest(): ManifestSegment[] {
    return this.#segments.map(({ id, salt, firstSeq, end, bytes, firstBytes, footerOffset }) => ({
      id,
      salt,
      firstSeq,
      ...(end === undefined ? { bytes: firstBytes } : { bytes, lastSeq: end.seq, digest: end.digest }),
      ...(footerOffset === undefined ? {} : { footerOffset }),
    }))
  }
}
