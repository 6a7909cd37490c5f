/** A whole, valid frame as it was read. */
export interface Frame {
  type: 'frame'
  /** What the payload is, to the layer above. */
  kind: number
  /** How the payload is to be read; only flags that the reader was told of. */
  flags: number
  /** A view of the reader's window, valid until it is asked for the next frame. Copy what has to last. */
  payload: Buffer
  /** Where the frame begins in the source. */
  offset: number
  /** Where the next frame begins. */
  end: number
  /** The header's checksum, which covers the payload's: what `FrameDigest` is made of. */
  headerChecksum: number
  /** True for a valid frame of an unknown kind that may be stepped over. Its payload means nothing here. */
  skip: boolean
}

/**
 * Why the bytes at an offset are not a frame:
 *
 * - `zeros`: the sixteen bytes of the header are all zero, as in space that was never written.
 * - `header-checksum`: the header is damaged, or there never was one.
 * - `version`: the header is sound but of a version that this reader does not read.
 * - `length`: the header is sound and its length is more than the format allows.
 * - `truncated`: the source ends before the frame does, or before its header does.
 * - `payload-checksum`: the header is sound, payload or padding are damaged.
 * - `padding`: both checksums are right, but the padding is not zero. No writer of this format did that.
 * - `flags`, `kind`: the frame is whole and valid, and a newer writer's: it has a flag that this reader was
 *   not told of, or a kind that it neither knows nor may step over.
 */
export type FrameFaultReason =
  | 'zeros'
  | 'header-checksum'
  | 'version'
  | 'length'
  | 'truncated'
  | 'payload-checksum'
  | 'padding'
  | 'flags'
  | 'kind'

/** The bytes at `offset` are not a frame. What that means (torn, corrupt, newer) is for the layer above. */
export interface FrameFault {
  type: 'fault'
  reason: FrameFaultReason
  /** Where the frame would begin. */
  offset: number
  /** The header's own checksum is right, and its version is not 0. */
  headerValid: boolean
  /** Where the frame ends, or would have ended, when a sound header of this version says so. */
  end?: number
  /** Set when a sound header names a later version than this reader's. */
  newerVersion?: number
}

/** The source ends exactly where a frame would begin. */
export interface FrameEnd {
  type: 'end'
  offset: number
}

/** What stands at an offset: a frame, the reason why there is none, or the end. */
export type FrameResult = Frame | FrameFault | FrameEnd
