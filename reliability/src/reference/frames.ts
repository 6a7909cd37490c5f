/*
 * Frames once more, written from docs/format.md and nothing else: what the product says of bytes is held
 * against this. The whole file is in memory, and what stands at a place is decided row by row, as in the
 * table under 'Reading' there.
 */
import { crc32 } from 'node:zlib'

export const FORMAT_SEED = 0x444c4f48
const MAX_LENGTH = 268_435_456
const ALIGNMENT = 8

export interface ReferenceFrame {
  readonly type: 'frame' | 'fault' | 'end'
  readonly offset: number
  /** Of a fault, the word of the table. */
  readonly reason: string
  readonly kind: number
  readonly flags: number
  /** Behind the padding; 0 where no sound header says. */
  readonly end: number
  readonly payload: Buffer
}

export interface ReferenceRules {
  readonly seed: number
  readonly kinds: readonly number[]
  readonly flags: number
}

const EMPTY = Buffer.alloc(0)

/** What stands at an offset. */
export function frameAt(
  file: Buffer,
  offset: number,
  { seed, kinds, flags: known }: ReferenceRules,
): ReferenceFrame {
  const fault = (reason: string, end = 0): ReferenceFrame => ({
    type: 'fault',
    offset,
    reason,
    kind: 0,
    flags: 0,
    end,
    payload: EMPTY,
  })
  const left = file.length - offset
  if (left === 0) return { ...fault(''), type: 'end' }
  if (left < 16) return fault('truncated')
  if (isZero(file, offset, offset + 16)) return fault('zeros')
  if (crc32(file.subarray(offset, offset + 12), seed) !== file.readUInt32LE(offset + 12))
    return fault('header-checksum')
  const version = file.readUInt8(offset)
  if (version !== 1) return fault('version')
  const length = file.readUInt32LE(offset + 4)
  if (length > MAX_LENGTH) return fault('length')
  const bytes = Math.ceil((16 + length) / ALIGNMENT) * ALIGNMENT
  const end = offset + bytes
  if (bytes > left) return fault('truncated', end)
  if (crc32(file.subarray(offset + 16, end), seed) !== file.readUInt32LE(offset + 8))
    return fault('payload-checksum', end)
  if (!isZero(file, offset + 16 + length, end)) return fault('padding', end)
  const flags = file.readUInt16LE(offset + 2)
  if ((flags & ~known) !== 0) return fault('flags', end)
  const kind = file.readUInt8(offset + 1)
  if (kind < 0x80 && !kinds.includes(kind)) return fault('kind', end)
  return {
    type: 'frame',
    offset,
    reason: '',
    kind,
    flags,
    end,
    payload: file.subarray(offset + 16, offset + 16 + length),
  }
}

/** Every sound frame from a place on: 'a reader tries every multiple of 8, and goes on behind each valid one'. */
export function* soundFrames(
  file: Buffer,
  from: number,
  rules: ReferenceRules,
): Generator<ReferenceFrame, void, undefined> {
  for (let at = Math.ceil(from / ALIGNMENT) * ALIGNMENT; at + 16 <= file.length; ) {
    // A byte that is no version is no frame: most of a file is stepped over by this.
    const found = file[at] === 1 ? frameAt(file, at, rules) : undefined
    if (found?.type === 'frame') {
      yield found
      at = found.end
    } else at += ALIGNMENT
  }
}

/** 'The digest of a sequence of frames': of their header checksums, in order. */
export function digestOf(file: Buffer, frames: Iterable<Pick<ReferenceFrame, 'offset'>>): number {
  let digest = 0
  for (const { offset } of frames) digest = crc32(file.subarray(offset + 12, offset + 16), digest)
  return digest
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
