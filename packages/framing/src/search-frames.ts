import { headerChecksumAt } from './checksum.ts'
import {
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  frameBytes,
  HEADER_CHECKED_BYTES,
  MAX_PAYLOAD_BYTES,
  SKIPPABLE_KIND_BIT,
} from './format.ts'
import type { Frame } from './frame.ts'
import { type FrameRules, frameRules, judgeFrame } from './judge-frame.ts'
import { type ByteSource, DEFAULT_WINDOW_BYTES, SourceWindow } from './source-window.ts'

/**
 * How many times the searched range a search may checksum in payloads. Frames that don't overlap come to one
 * range at most, and a damaged frame is looked at once besides, so honest files stay under two. Sound
 * headers nested in each other, each claiming the rest of the file, would make the work quadratic: eight
 * leaves room for the unlucky and stops the hostile.
 */
export const SEARCH_WORK_FACTOR = 8

/** Where to search, and what to take for a frame. */
export interface SearchOptions {
  /** What both checksums start from: `FORMAT_SEED`, or the salt of the file. */
  seed: number
  /** Where to begin. Frames only begin at multiples of `FRAME_ALIGNMENT`; it is rounded up to one. */
  start: number
  /** Where the source ends. */
  end: number
  /** The kinds that the caller knows. Unknown kinds with the top bit set are found too, others are not. */
  kinds: ReadonlySet<number>
  /** The flags that the caller knows, as bits. Frames with others are not found. Default: none. */
  flags?: number
  /** As in `FrameReader`. Default: 1 MiB. */
  windowBytes?: number
}

/** The search ended before the range did: its bound on work was reached. There may be frames from here on. */
export interface SearchGaveUp {
  type: 'gave-up'
  offset: number
}

/**
 * Every valid frame that begins at a step of `FRAME_ALIGNMENT` in the range, in order; after one the search
 * goes on behind it. This finds what damage has left behind it, as evidence: a frame that is found was
 * written to this file at some time, and no more is said by its being there.
 *
 * A frame's payload is valid until the generator is resumed. An error of the source is thrown unchanged. A
 * source that ends before `end` is searched as far as it goes.
 */
export async function* searchFrames(
  source: ByteSource,
  options: SearchOptions,
): AsyncGenerator<Frame | SearchGaveUp, void, void> {
  const { seed, start, end, kinds, flags = 0, windowBytes = DEFAULT_WINDOW_BYTES } = options
  const window = new SourceWindow(source, start, end, windowBytes)
  const rules = frameRules(seed, kinds, flags)
  const payloadBytesAllowed = SEARCH_WORK_FACTOR * (end - start)
  let payloadBytesChecked = 0
  let offset = Math.ceil(start / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
  while (window.end - offset >= FRAME_HEADER_BYTES) {
    if (window.heldFrom(offset) < FRAME_HEADER_BYTES) {
      await window.load(offset, FRAME_HEADER_BYTES)
      continue
    }
    offset = nextCandidate(window, offset, rules)
    if (window.heldFrom(offset) < FRAME_HEADER_BYTES) continue
    const length = window.bytes.readUInt32LE(offset - window.start + 4)
    payloadBytesChecked += length
    if (payloadBytesChecked > payloadBytesAllowed) {
      yield { type: 'gave-up', offset }
      return
    }
    let result = judgeFrame(window, offset, rules)
    while (typeof result === 'number') {
      await window.load(offset, result)
      result = judgeFrame(window, offset, rules)
    }
    offset = result.type === 'frame' ? result.end : offset + FRAME_ALIGNMENT
    if (result.type === 'frame') yield result
  }
}

/**
 * The first place from `offset` on, in the window, with a sound header of a frame that could be whole; or
 * the first place where a header is no longer in the window whole.
 */
function nextCandidate(window: SourceWindow, offset: number, rules: FrameRules): number {
  const bytes = window.bytes
  const last = window.held - FRAME_HEADER_BYTES
  let at = offset - window.start
  for (; at <= last; at += FRAME_ALIGNMENT) {
    if (bytes[at] !== FRAME_VERSION) continue
    const kind = bytes[at + 1] as number
    if (rules.kinds[kind] === 0 && (kind & SKIPPABLE_KIND_BIT) === 0) continue
    const length = bytes.readUInt32LE(at + 4)
    if (length > MAX_PAYLOAD_BYTES || frameBytes(length) > window.end - window.start - at) continue
    if (bytes.readUInt32LE(at + HEADER_CHECKED_BYTES) === headerChecksumAt(bytes, at, rules.seed)) break
  }
  return window.start + at
}
