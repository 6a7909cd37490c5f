/*
 * The segment file. Everything here is part of the format: docs/format.md describes it, golden files pin it.
 *
 *   +------------------+ 0
 *   | header frame     |  exactly 512 bytes, checksummed with the format's fixed seed
 *   +------------------+ 512
 *   | batch frame      |  one group commit; checksummed with the salt from the header, like all that follows
 *   | batch | mark ... |
 *   +------------------+
 *   | footer frame     |  only in a sealed segment, which is cut right behind it
 *   +------------------+
 *   | zeros            |  only in a segment that is not sealed: space taken ahead
 *   +------------------+
 *
 * Header payload (496 bytes):
 *   magic 8 | format u16 | reserved u16 = 0 | salt u32 | store id 16 | segment id u64 | epoch u64
 *   | first seq u64 | predecessor id u64 | predecessor last seq u64 | predecessor digest u32
 *   | machine version u32 | codec length u8 | codec | zeros
 *
 *   The header fills one 512-byte sector and nothing else is ever in that sector: it is on disk whole or
 *   not at all, so that a file whose header is invalid and that is all zeros behind it was never used.
 *   The salt seeds every other checksum in the file, so that bytes of another file never validate here.
 *   The predecessor fields end the predecessor: what it holds past that sequence is void. A reader would
 *   be tempted to follow the names of the files instead; a log that was continued after a failed sync
 *   has bytes in the old segment that were never acknowledged and that would then be replayed twice.
 *
 * Batch payload:
 *   first seq u64 | time u64 | durable seq u64 | count u32 | note bytes u32 | note | records
 *
 *   `durable seq` is what tells a torn tail from damage: it says, from behind, that earlier frames had
 *   been synced. `time` is milliseconds since 1970 and never goes back.
 *
 * Mark payload:    durable seq u64 | time u64 | note bytes u32 | reserved u32 = 0 | note
 * Footer payload:  last seq u64 | count u64 | digest u32 | entries u32 | entries x (seq u64 | offset u64)
 *
 *   The digest is the CRC-32 of the header checksums of all frames up to and with the batch that ends at
 *   `last seq`: the same value that a successor's header carries for the same sequence.
 */
import { HoldfastError } from '@holdfast/environment'
import { encodeFrame, FORMAT_SEED, FRAME_HEADER_BYTES, type Frame } from '@holdfast/framing'
import type { Boundary } from './plan.ts'

/** Part of the format: the kinds of frame in a segment. */
export const KIND = { header: 1, batch: 2, mark: 3, footer: 4 } as const
export const SEGMENT_KINDS: ReadonlySet<number> = new Set(Object.values(KIND))

/** Part of the format: where the first frame behind the header begins. */
export const SEGMENT_HEADER_BYTES = 512
/** The format version that this code writes, and the newest that it reads. */
export const FORMAT_VERSION = 1
const MAGIC = Buffer.from('HOLDFWAL', 'latin1')
const CODEC_MAX_BYTES = 64

/** Bytes of a batch's payload before its note. */
export const BATCH_PREFIX_BYTES = 32
const MARK_PREFIX_BYTES = 24
const FOOTER_PREFIX_BYTES = 24
const FOOTER_ENTRY_BYTES = 16

export interface SegmentHeader {
  readonly salt: number
  readonly storeId: Buffer
  readonly id: number
  readonly epoch: number
  readonly firstSeq: number
  /** The segment that this one continues; id 0 for the first of a store. */
  readonly predecessor: { readonly id: number; readonly lastSeq: number; readonly digest: number }
  readonly machineVersion: number
  readonly codec: string
}

export interface Footer {
  readonly lastSeq: number
  readonly count: number
  readonly digest: number
  readonly index: readonly IndexEntry[]
}

/** A frame that begins at `offset` holds batch `seq`. */
export type IndexEntry = Pick<Boundary, 'seq' | 'offset'>

/** Throws `INVALID_ARGUMENT` for the id of a codec that a header has no room for. */
export function assertCodecId(id: string): void {
  const bytes = Buffer.byteLength(id)
  if (bytes > 0 && bytes <= CODEC_MAX_BYTES) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `a codec's id takes 1 to ${CODEC_MAX_BYTES} bytes, not ${bytes}`,
  )
}

/** The whole first sector of a segment. */
export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const codec = Buffer.from(header.codec, 'utf8')
  const payload = Buffer.alloc(SEGMENT_HEADER_BYTES - FRAME_HEADER_BYTES)
  MAGIC.copy(payload, 0)
  payload.writeUInt16LE(FORMAT_VERSION, 8)
  payload.writeUInt32LE(header.salt, 12)
  header.storeId.copy(payload, 16, 0, 16)
  writeSeq(payload, header.id, 32)
  writeSeq(payload, header.epoch, 40)
  writeSeq(payload, header.firstSeq, 48)
  writeSeq(payload, header.predecessor.id, 56)
  writeSeq(payload, header.predecessor.lastSeq, 64)
  payload.writeUInt32LE(header.predecessor.digest, 72)
  payload.writeUInt32LE(header.machineVersion, 76)
  payload.writeUInt8(codec.length, 80)
  codec.copy(payload, 81)
  return encodeFrame({ kind: KIND.header, payload }, FORMAT_SEED)
}

/** The fields of a header frame, or what is wrong with it. Throws `UNSUPPORTED_FORMAT` for a newer format. */
export function decodeSegmentHeader(frame: Frame, path: string): SegmentHeader | string {
  const payload = frame.payload
  if (frame.kind !== KIND.header) return `a frame of kind ${frame.kind} where the header belongs`
  if (payload.length < 10 || !payload.subarray(0, 8).equals(MAGIC)) return 'not the header of a log segment'
  const format = payload.readUInt16LE(8)
  if (format > FORMAT_VERSION) throw unsupportedFormat(path, format)
  if (
    format === 0 ||
    payload.length !== SEGMENT_HEADER_BYTES - FRAME_HEADER_BYTES ||
    payload.readUInt16LE(10) !== 0
  ) {
    return 'a header with fields that this format does not have'
  }
  const codecBytes = payload.readUInt8(80)
  if (
    codecBytes === 0 ||
    codecBytes > CODEC_MAX_BYTES ||
    !payload.subarray(81 + codecBytes).every((byte) => byte === 0)
  ) {
    return 'a header with a malformed codec'
  }
  const [id, epoch, firstSeq, predecessorId, predecessorLastSeq] = [32, 40, 48, 56, 64].map((at) =>
    readSeq(payload, at),
  )
  if (
    id === undefined ||
    epoch === undefined ||
    firstSeq === undefined ||
    predecessorId === undefined ||
    predecessorLastSeq === undefined ||
    id === 0 ||
    firstSeq === 0 ||
    predecessorLastSeq !== firstSeq - 1
  ) {
    return 'a header with numbers that cannot be'
  }
  return {
    salt: payload.readUInt32LE(12),
    storeId: Buffer.from(payload.subarray(16, 32)),
    id,
    epoch,
    firstSeq,
    predecessor: { id: predecessorId, lastSeq: predecessorLastSeq, digest: payload.readUInt32LE(72) },
    machineVersion: payload.readUInt32LE(76),
    codec: payload.toString('utf8', 81, 81 + codecBytes),
  }
}

export function unsupportedFormat(path: string, version: number): HoldfastError {
  return new HoldfastError(
    'UNSUPPORTED_FORMAT',
    `the file has format version ${version}, this code knows up to ${FORMAT_VERSION}`,
    {
      path,
      details: { version, known: FORMAT_VERSION },
    },
  )
}

/** A batch as its frame holds it; the views live as long as the frame's payload. */
export interface BatchFields {
  readonly firstSeq: number
  readonly count: number
  readonly time: number
  readonly durableSeq: number
  readonly note: Buffer
  readonly records: Buffer
}

/** Writes the part of a batch's payload before its note. */
export function writeBatchPrefix(
  target: Buffer,
  at: number,
  batch: { firstSeq: number; time: number; durableSeq: number; count: number; noteBytes: number },
): void {
  writeSeq(target, batch.firstSeq, at)
  writeSeq(target, batch.time, at + 8)
  writeSeq(target, batch.durableSeq, at + 16)
  target.writeUInt32LE(batch.count, at + 24)
  target.writeUInt32LE(batch.noteBytes, at + 28)
}

export function decodeBatch(payload: Buffer): BatchFields | undefined {
  if (payload.length < BATCH_PREFIX_BYTES) return undefined
  const firstSeq = readSeq(payload, 0)
  const time = readSeq(payload, 8)
  const durableSeq = readSeq(payload, 16)
  const count = payload.readUInt32LE(24)
  const noteEnd = BATCH_PREFIX_BYTES + payload.readUInt32LE(28)
  if (firstSeq === undefined || firstSeq === 0 || time === undefined || durableSeq === undefined)
    return undefined
  if (count === 0 || durableSeq >= firstSeq || noteEnd > payload.length) return undefined
  if (!Number.isSafeInteger(firstSeq + count)) return undefined
  return {
    firstSeq,
    count,
    time,
    durableSeq,
    note: payload.subarray(BATCH_PREFIX_BYTES, noteEnd),
    records: payload.subarray(noteEnd),
  }
}

export interface MarkFields {
  readonly durableSeq: number
  readonly time: number
  readonly note: Buffer
}

export function encodeMark(
  mark: { durableSeq: number; time: number; note: Uint8Array | undefined },
  salt: number,
): Buffer {
  const noteBytes = mark.note?.length ?? 0
  const payload = Buffer.alloc(MARK_PREFIX_BYTES + noteBytes)
  writeSeq(payload, mark.durableSeq, 0)
  writeSeq(payload, mark.time, 8)
  payload.writeUInt32LE(noteBytes, 16)
  if (mark.note !== undefined) payload.set(mark.note, MARK_PREFIX_BYTES)
  return encodeFrame({ kind: KIND.mark, payload }, salt)
}

export function decodeMark(payload: Buffer): MarkFields | undefined {
  if (payload.length < MARK_PREFIX_BYTES) return undefined
  const durableSeq = readSeq(payload, 0)
  const time = readSeq(payload, 8)
  if (durableSeq === undefined || time === undefined) return undefined
  if (payload.readUInt32LE(16) !== payload.length - MARK_PREFIX_BYTES || payload.readUInt32LE(20) !== 0)
    return undefined
  return { durableSeq, time, note: payload.subarray(MARK_PREFIX_BYTES) }
}

export function encodeFooter(footer: Footer, salt: number): Buffer {
  const payload = Buffer.alloc(FOOTER_PREFIX_BYTES + footer.index.length * FOOTER_ENTRY_BYTES)
  writeSeq(payload, footer.lastSeq, 0)
  writeSeq(payload, footer.count, 8)
  payload.writeUInt32LE(footer.digest, 16)
  payload.writeUInt32LE(footer.index.length, 20)
  footer.index.forEach((entry, i) => {
    writeSeq(payload, entry.seq, FOOTER_PREFIX_BYTES + i * FOOTER_ENTRY_BYTES)
    writeSeq(payload, entry.offset, FOOTER_PREFIX_BYTES + i * FOOTER_ENTRY_BYTES + 8)
  })
  return encodeFrame({ kind: KIND.footer, payload }, salt)
}

export function decodeFooter(payload: Buffer): Footer | undefined {
  if (payload.length < FOOTER_PREFIX_BYTES) return undefined
  const lastSeq = readSeq(payload, 0)
  const count = readSeq(payload, 8)
  const entries = payload.readUInt32LE(20)
  if (lastSeq === undefined || count === undefined) return undefined
  if (payload.length !== FOOTER_PREFIX_BYTES + entries * FOOTER_ENTRY_BYTES) return undefined
  const index: IndexEntry[] = []
  for (let at = FOOTER_PREFIX_BYTES; at < payload.length; at += FOOTER_ENTRY_BYTES) {
    const seq = readSeq(payload, at)
    const offset = readSeq(payload, at + 8)
    if (seq === undefined || offset === undefined) return undefined
    index.push({ seq, offset })
  }
  return { lastSeq, count, digest: payload.readUInt32LE(16), index }
}

const HIGH = 2 ** 32

function writeSeq(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % HIGH, at)
  target.writeUInt32LE(Math.floor(value / HIGH), at + 4)
}

/** A u64 that the API can hold as a safe integer, or `undefined`. */
function readSeq(source: Buffer, at: number): number | undefined {
  const value = source.readUInt32LE(at) + source.readUInt32LE(at + 4) * HIGH
  return Number.isSafeInteger(value) ? value : undefined
}
