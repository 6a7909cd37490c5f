import { crc32 } from 'node:zlib'

/** A frame with header fields as given, and checksums that are right for them. */
export function forgedFrame(
  seed: number,
  change: (header: Buffer) => void,
  payload: Buffer = Buffer.alloc(8, 1),
): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(16), payload])
  bytes.writeUInt8(1, 0)
  bytes.writeUInt8(1, 1)
  bytes.writeUInt32LE(payload.length, 4)
  change(bytes)
  bytes.writeUInt32LE(crc32(payload, seed), 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12), seed), 12)
  return bytes
}
