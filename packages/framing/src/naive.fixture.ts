import { crc32 } from 'node:zlib'
import type { FrameFaultReason } from './frame.ts'

/**
 * The format once more, written from docs/format.md on bytes that are all in memory, with no thought for
 * speed: what the reader and the search are compared with.
 */
export type NaiveResult =
  | {
      type: 'frame'
      kind: number
      flags: number
      payload: string
      offset: number
      end: number
      skip: boolean
    }
  | {
      type: 'fault'
      reason: FrameFaultReason
      offset: number
      headerValid: boolean
      end?: number
      newerVersion?: number
    }
  | { type: 'end'; offset: number }

export interface NaiveRules {
  seed: number
  kinds: ReadonlySet<number>
  flags?: number
}

export function naiveAt(file: Buffer, offset: number, rules: NaiveRules): NaiveResult {
  const rest = file.subarray(offset)
  if (rest.length === 0) return { type: 'end', offset }
  const fault = (reason: FrameFaultReason, headerValid: boolean, more: object = {}): NaiveResult => ({
    type: 'fault',
    reason,
    offset,
    headerValid,
    ...more,
  })
  if (rest.length < 16) return fault('truncated', false)
  const header = rest.subarray(0, 16)
  if (header.every((byte) => byte === 0)) return fault('zeros', false)
  if (crc32(header.subarray(0, 12), rules.seed) !== header.readUInt32LE(12))
    return fault('header-checksum', false)
  const version = header.readUInt8(0)
  if (version === 0) return fault('version', false)
  if (version > 1) return fault('version', true, { newerVersion: version })
  const length = header.readUInt32LE(4)
  if (length > 256 * 1024 * 1024) return fault('length', true)
  const total = Math.ceil((16 + length) / 8) * 8
  const end = offset + total
  if (total > rest.length) return fault('truncated', true, { end })
  if (crc32(rest.subarray(16, total), rules.seed) !== header.readUInt32LE(8)) {
    return fault('payload-checksum', true, { end })
  }
  if (rest.subarray(16 + length, total).some((byte) => byte !== 0)) return fault('padding', true, { end })
  const flags = header.readUInt16LE(2)
  if ((flags | (rules.flags ?? 0)) !== (rules.flags ?? 0)) return fault('flags', true, { end })
  const kind = header.readUInt8(1)
  const skip = !rules.kinds.has(kind)
  if (skip && kind < 128) return fault('kind', true, { end })
  const payload = rest.subarray(16, 16 + length).toString('hex')
  return { type: 'frame', kind, flags, payload, offset, end, skip }
}

/** Everything up to the first fault or the end, which is the last of what is returned. */
export function naiveRead(file: Buffer, rules: NaiveRules): NaiveResult[] {
  const results: NaiveResult[] = []
  for (let offset = 0; ; ) {
    const result = naiveAt(file, offset, rules)
    results.push(result)
    if (result.type !== 'frame') return results
    offset = result.end
  }
}

/** Every valid frame, looked for at each multiple of 8. */
export function naiveSearch(file: Buffer, start: number, rules: NaiveRules): NaiveResult[] {
  const results: NaiveResult[] = []
  for (let offset = Math.ceil(start / 8) * 8; offset < file.length; ) {
    const result = naiveAt(file, offset, rules)
    if (result.type === 'frame') results.push(result)
    offset = result.type === 'frame' ? result.end : offset + 8
  }
  return results
}
