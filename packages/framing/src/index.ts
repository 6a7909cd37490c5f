export { ByteReader } from './byte-reader.ts'
export { ByteWriter } from './byte-writer.ts'
export {
  encodeFrame,
  type FrameContent,
  type KnownEnd,
  knownEndOf,
  type SealedFrame,
  sealFrame,
} from './encode-frame.ts'
export {
  FORMAT_SEED,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  frameBytes,
  MAX_PAYLOAD_BYTES,
  SKIPPABLE_KIND_BIT,
} from './format.ts'
export type { Frame, FrameEnd, FrameFault, FrameFaultReason, FrameResult } from './frame.ts'
export { FrameDigest } from './frame-digest.ts'
export { FrameReader, type FrameReaderOptions } from './frame-reader.ts'
export { SEARCH_WORK_FACTOR, type SearchGaveUp, type SearchOptions, searchFrames } from './search-frames.ts'
export { type ByteSource, DEFAULT_WINDOW_BYTES } from './source-window.ts'
export { StateDigest } from './state-digest.ts'
export { firstNonZero, isZeros } from './zeros.ts'
