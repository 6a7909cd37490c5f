import { headerChecksumAt, checksum, payloadChecksum } from './checksum.ts'
import {
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  frameBytes,
  HEADER_CHECKED_BYTES,
  MAX_PAYLOAD_BYTES,
  paddingBytes,
  SKIPPABLE_KIND_BIT,
} from './format.ts'
import type { Frame, FrameFault, FrameFaultReason, FrameResult } from './frame.ts'
import type { SourceWindow } from './source-window.ts'

/** What a reader takes for a frame. */
export interface FrameRules {
  /** What both checksums start from. */
  seed: number
  /** For each of the 256 kinds: 1 if it is known. */
  readonly kinds: Uint8Array
  /** The flags that are known, as bits. */
  readonly flags: number
}

/** The rules with their lookup table. */
export function frameRules(seed: number, kinds: ReadonlySet<number>, flags: number): FrameRules {
  const known = new Uint8Array(256)
  for (const kind of kinds) known[kind] = 1
  return { seed, kinds: known, flags }
}

/**
 * What stands at `offset` of the source, out of the bytes in the window. A number instead of a result is how
 * many bytes from `offset` on must be in the window to say; that many are left in the source.
 *
 * The order of the checks is the order in which the header can be trusted. Nothing in it is looked at
 * before its checksum, save for zeros; nothing that depends on the length before the length is bounded;
 * and kind and flags come last, so that a torn frame is torn whatever its kind.
 */
export function judgeFrame(window: SourceWindow, offset: number, rules: FrameRules): FrameResult | number {
  const left = window.end - offset
  if (left < FRAME_HEADER_BYTES) {
    if (left === 0 && !window.endedEarly) return { type: 'end', offset }
    return fault('truncated', offset, false)
  }
  const at = offset - window.start
  const held = window.held - at
  if (held < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES
  const bytes = window.bytes
  const version = bytes[at] as number
  if (version === 0 && isZero(bytes, at, FRAME_HEADER_BYTES)) return fault('zeros', offset, false)
  const headerChecksum = bytes.readUInt32LE(at + HEADER_CHECKED_BYTES)
  if (headerChecksum !== headerChecksumAt(bytes, at, rules.seed)) {
    return fault('header-checksum', offset, false)
  }
  if (version !== FRAME_VERSION) return versionFault(version, offset)
  const length = bytes.readUInt32LE(at + 4)
  if (length > MAX_PAYLOAD_BYTES) return fault('length', offset, true)
  const total = frameBytes(length)
  const end = offset + total
  if (total > left) return fault('truncated', offset, true, end)
  if (held < total) return total

  const payloadAt = at + FRAME_HEADER_BYTES
  const payload = bytes.subarray(payloadAt, payloadAt + length)
  const padding = paddingBytes(length)
  const expected = bytes.readUInt32LE(at + 8)
  if (!isZero(bytes, payloadAt + length, padding)) {
    const covered = bytes.subarray(payloadAt, payloadAt + length + padding)
    const reason = checksum(covered, rules.seed) === expected ? 'padding' : 'payload-checksum'
    return fault(reason, offset, true, end)
  }
  if (payloadChecksum(payload, padding, rules.seed) !== expected) {
    return fault('payload-checksum', offset, true, end)
  }
  const flags = bytes.readUInt16LE(at + 2)
  if ((flags & ~rules.flags) !== 0) return fault('flags', offset, true, end)
  const kind = bytes[at + 1] as number
  const known = rules.kinds[kind] === 1
  if (!known && (kind & SKIPPABLE_KIND_BIT) === 0) return fault('kind', offset, true, end)
  return { type: 'frame', kind, flags, payload, offset, end, headerChecksum, skip: !known } satisfies Frame
}

function isZero(bytes: Buffer, at: number, count: number): boolean {
  for (let index = at; index < at + count; index++) if (bytes[index] !== 0) return false
  return true
}

function fault(reason: FrameFaultReason, offset: number, headerValid: boolean, end?: number): FrameFault {
  return end === undefined
    ? { type: 'fault', reason, offset, headerValid }
    : { type: 'fault', reason, offset, headerValid, end }
}

/** A right checksum over version 0 is no header at all; over a later version, one that is not ours to read. */
function versionFault(version: number, offset: number): FrameFault {
  if (version < FRAME_VERSION) return fault('version', offset, false)
  return { type: 'fault', reason: 'version', offset, headerValid: true, newerVersion: version }
}
