import { HoldfastError } from '@holdfast/environment'
import { ByteReader, ByteWriter, encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { FORMAT_VERSION, KIND, MAGIC, STORE_ID_BYTES } from './format.ts'
import { malformed } from './refusals.ts'
import type { SnapshotCompression, SnapshotHeader } from './snapshot-store.ts'

/** The header as it stands in the file. */
export interface FileHeader extends Omit<SnapshotHeader, 'formatVersion'> {
  /** What all checksums behind the header start from. */
  readonly salt: number
}

/** Part of the format: each compression's number. */
const COMPRESSIONS: readonly SnapshotCompression[] = ['none', 'zstd']

const FIXED_BYTES: number = MAGIC.length + 2 + 1 + 1 + 4 + STORE_ID_BYTES + 4 * 8 + 4
const MAX_CODEC_BYTES = 64
/** The lengths of codec and note. */
const LENGTHS_BYTES: number = 2 + 4

/** The header frame. */
export function encodeHeader(header: FileHeader): Buffer {
  const writer = new ByteWriter(
    Buffer.alloc(FIXED_BYTES + LENGTHS_BYTES + MAX_CODEC_BYTES + header.note.length),
  )
    .bytes(MAGIC)
    .u16(FORMAT_VERSION)
    .u8(COMPRESSIONS.indexOf(header.compression))
    .u8(0)
    .u32(header.salt)
    .bytes(header.storeId)
    .u64(header.id)
    .u64(header.seq)
    .u64(header.time)
    .u64(header.epoch)
    .u32(header.machineVersion)
    .string(header.codec)
    .u32(header.note.length)
    .bytes(header.note)
  return encodeFrame({ kind: KIND.header, payload: writer.written() }, FORMAT_SEED)
}

/**
 * The header out of its frame's payload, whose checksum was right.
 * Throws `FOREIGN_FILE`, `UNSUPPORTED_FORMAT`, `DECODE_FAILED`.
 */
export function decodeHeader(payload: Buffer, path: string): FileHeader {
  if (!payload.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new HoldfastError('FOREIGN_FILE', 'the file is not a snapshot: it does not begin like one', {
      path,
    })
  }
  const reader = new ByteReader(payload, MAGIC.length)
  const format = reader.u16()
  // Nothing behind the version may be looked at before it is known to be ours.
  if (format > FORMAT_VERSION) {
    throw new HoldfastError(
      'UNSUPPORTED_FORMAT',
      `the snapshot is in version ${format} of the format, and this reads up to version ${FORMAT_VERSION}`,
      { path },
    )
  }
  if (format === 0) throw malformed('there is no version 0 of the snapshot format')
  const compression = COMPRESSIONS[reader.u8()]
  if (compression === undefined || reader.u8() !== 0) {
    throw malformed('a value that this version of the format does not have')
  }
  const salt = reader.u32()
  const storeId = Uint8Array.from(reader.bytes(STORE_ID_BYTES))
  const id = reader.u64()
  const seq = reader.u64()
  const time = reader.u64()
  const epoch = reader.u64()
  const machineVersion = reader.u32()
  const codec = reader.string()
  const note = Uint8Array.from(reader.bytes(reader.u32()))
  reader.done()
  return { compression, salt, storeId, id, seq, time, epoch, machineVersion, codec, note }
}
