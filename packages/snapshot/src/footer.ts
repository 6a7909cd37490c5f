import { ByteReader, ByteWriter } from '@holdfast/framing'
import { DIGEST_BYTES } from './format.ts'
import type { SnapshotSummary } from './snapshot-store.ts'

/** The footer as it stands in the file. */
export interface Footer extends SnapshotSummary {
  /** `FrameDigest` of all frames before the footer. */
  readonly frames: number
}

/** Bytes of the footer's payload. */
export const FOOTER_BYTES: number = 3 * 8 + DIGEST_BYTES + 4

/** Writes the footer's payload into the buffer at `offset`. */
export function writeFooter(footer: Footer, buffer: Buffer, offset: number): void {
  new ByteWriter(buffer, offset)
    .u64(footer.entries)
    .u64(footer.chunks)
    .u64(footer.payloadBytes)
    .bytes(Buffer.from(footer.digest, 'hex'))
    .u32(footer.frames)
}

/** The footer out of its frame's payload. Throws `DECODE_FAILED`. */
export function decodeFooter(payload: Buffer): Footer {
  const reader = new ByteReader(payload)
  const entries = reader.u64()
  const chunks = reader.u64()
  const payloadBytes = reader.u64()
  const digest = reader.bytes(DIGEST_BYTES).toString('hex')
  const frames = reader.u32()
  reader.done()
  return { entries, chunks, payloadBytes, digest, frames }
}
