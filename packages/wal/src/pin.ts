import { HoldfastError } from '@holdfast/environment'
import { assertSeq } from './assert-seq.ts'

/** What is to be kept of a log, for whom, and at what cost. */
export interface PinOptions {
  /** Who needs it: an archiver, a follower. It is in figures, events and errors. 1 to 100 characters. */
  readonly owner: string
  /** The first sequence that is needed, from 1. It need not be there yet. */
  readonly from: number
  /** So many bytes of the log may be kept for nobody else than this pin. From 0. Default: 1 GiB. */
  readonly maxBytes?: number
}

/**
 * Keeps a log from being trimmed, from a sequence on. It is not on disk: it ends with `release`, with the log,
 * or by being dropped, when more than `maxBytes` would be kept for it alone.
 */
export interface Pin {
  readonly owner: string
  readonly maxBytes: number
  /** Nothing from this sequence on is trimmed. */
  readonly from: number
  /** It kept too much, and keeps nothing any more: what it needs is gone, at least in part. */
  readonly dropped: boolean
  /**
   * Only `seq` and what follows is needed from now on; what lies before goes with the next trim. Throws `GapError`
   * once it was dropped, `CLOSED` once it was released, and `INVALID_ARGUMENT` for a sequence before `from`.
   */
  advance(seq: number): void
  /** Nothing is kept for it any more. Idempotent, also where it was dropped. */
  release(): void
  /** As `release`. */
  [Symbol.dispose](): void
}

/** A pin in figures. */
export interface PinStats {
  readonly owner: string
  readonly from: number
  /** What the last trim would have deleted, were it not for this pin; another one may need some of it too. */
  readonly bytes: number
  readonly maxBytes: number
}

/** Sixteen segments of the default size: some minutes of a busy log for a follower to come back, and the disk of a small machine bears it. */
export const PIN_MAX_BYTES: number = 1024 * 1024 * 1024
/** No store has so many followers of its own: there, somebody forgets to release what he takes. Each costs a look at all segments with every trim. */
export const MAX_PINS = 100
/** A name, not a document: it is repeated in every event and in all figures. */
const OWNER_MAX_LENGTH = 100

/** The options with their defaults. Throws `INVALID_ARGUMENT` with the name, the value and the range. */
export function checkPin(options: PinOptions): Required<PinOptions> {
  const given: unknown = options
  if (typeof given !== 'object' || given === null)
    throw new HoldfastError('INVALID_ARGUMENT', `a pin is { owner, from, maxBytes }, not ${String(given)}`)
  const { owner, from, maxBytes = PIN_MAX_BYTES } = options
  if (typeof owner !== 'string' || owner.length < 1 || owner.length > OWNER_MAX_LENGTH) {
    const found = typeof owner === 'string' ? `${owner.length}` : `a ${typeof owner}`
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `the owner of a pin has 1 to ${OWNER_MAX_LENGTH} characters, not ${found}`,
      { details: { argument: 'owner', value: owner } },
    )
  }
  assertSeq('from', from, 1)
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `maxBytes is a whole number from 0 on, not ${String(maxBytes)}`,
      { details: { argument: 'maxBytes', value: maxBytes } },
    )
  }
  return { owner, from, maxBytes }
}
