import { crc32 } from 'node:zlib'

/** Makes the checksums of a frame right for what stands in it, as far as it reaches into these bytes. */
export function sealAt(bytes: Buffer, at: number, seed: number): void {
  const end = at + 16 + bytes.readUInt32LE(at + 4)
  const padded = Math.min(Math.ceil(end / 8) * 8, bytes.length)
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 16, Math.max(at + 16, padded)), seed), at + 8)
  sealHeaderAt(bytes, at, seed)
}

/** Of its header alone: what it says of its payload may be wrong. */
export function sealHeaderAt(bytes: Buffer, at: number, seed: number): void {
  bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 12), seed), at + 12)
}
