import type { HoldfastError } from '@holdfast/environment'

/** What a pass over one segment found. */
export interface SegmentReport {
  readonly path: string
  readonly id: number
  readonly salt: number
  readonly firstSeq: number
  /** The last sequence that counts in it; `firstSeq - 1` when none does. */
  readonly lastSeq: number
  /** The digest of its frames up to and with the batch that ends at `lastSeq`. */
  readonly digest: number
  readonly bytes: number
  /** Where the last batch that counts ends. Bytes behind it are void, whatever they hold. */
  readonly countedBytes: number
  /** Where the first frame begins that the pass gives; 0 where all of the segment is behind what was covered, `bytes` where nothing is. */
  readonly neededFrom: number
  /** `false` when a snapshot covers the whole segment, so that it was not read. */
  readonly read: boolean
}

/** Bytes that the pass set aside, and why. */
export interface SetAside {
  readonly path: string
  readonly offset: number
  readonly bytes: number
  readonly reason: string
}

/** Where something can be appended behind: a frame boundary in the last segment. */
export interface Boundary {
  readonly seq: number
  readonly offset: number
  readonly digest: number
}

/** Where a segment ends: the last sequence that counts in it, and the digest of its frames up to there. */
export type SegmentEnd = Pick<Boundary, 'seq' | 'digest'>

/**
 * What a pass over the log found, and what opening it for writing would do. Nothing on disk has
 * changed when it is made.
 */
export interface LogPlan {
  /** The last sequence that can be read; 0 in an empty log. */
  lastSeq: number
  /** The first sequence that the log still holds; `lastSeq + 1` when it holds none. */
  firstSeq: number
  /** The last sequence that evidence on disk proves to have been durable. */
  provenSeq: number
  /** The evidence for `provenSeq`, in words. */
  provenBy: string
  /** No batch or mark is later, in wall-clock milliseconds; 0 when there is none. What is appended must not be older. */
  lastTime: number
  /** Records past `provenSeq`: they are written again, to a new segment, when the log is opened for writing. */
  survivors: { readonly firstSeq: number; readonly lastSeq: number; readonly bytes: number } | undefined
  /** The torn tail: bytes behind the last readable frame that no evidence says were durable. */
  tail: SetAside | undefined
  segments: SegmentReport[]
  /** Files in the directory that do not count, and why. */
  ignored: { readonly path: string; readonly reason: string; readonly remove: boolean }[]
  /** Batches and records that were verified. */
  batches: number
  records: number
  bytesRead: number
  /** Why the log must not be opened. Everything else describes what was found before. */
  refusal: HoldfastError | undefined
  /** Where the next segment attaches: the last proven frame boundary of the last segment. */
  attach: { readonly segmentId: number; readonly boundary: Boundary } | undefined
}
