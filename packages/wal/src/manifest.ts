/*
 * The manifest: what the store is and which files belong to it.
 *
 *   +--------------+ header frame, fixed seed: magic 8 | format u16 | reserved u16 = 0 | salt u32
 *   +--------------+ body frame, seeded with that salt: UTF-8 JSON, the fields of `Manifest`
 *   +--------------+ end of the file
 *
 * It is only ever replaced as a whole: written to a temporary sibling, synced, renamed over the old one,
 * directory synced. So a crash leaves the old one or the new one, and one that is damaged or missing was
 * damaged or lost by something else: that is refused, never guessed at.
 *
 * JSON, because it is small, replaced seldom, and the first file that a person opens when something is
 * wrong. Its frame covers every byte of it.
 */
import { HoldfastError } from '@holdfast/environment'
import { encodeFrame, FORMAT_SEED, FrameReader, type Frame } from '@holdfast/framing'
import { FORMAT_VERSION, unsupportedFormat } from './format.ts'
import { MAX_ID } from './segment-name.ts'

const KIND = { header: 1, body: 2 } as const
const KINDS: ReadonlySet<number> = new Set(Object.values(KIND))
const MAGIC = Buffer.from('HOLDFMAN', 'latin1')
const HEADER_PAYLOAD_BYTES = 16

/** A segment that belongs to the store. What is `undefined` was not known yet when the manifest was written. */
export interface ManifestSegment {
  readonly id: number
  readonly salt: number
  readonly firstSeq?: number
  /** Set once no more can be appended: the last sequence that counts in it. That sequence was durable. */
  readonly lastSeq?: number
  /** The CRC-32 of its frames' header checksums up to `lastSeq`; set together with that. */
  readonly digest?: number
  readonly bytes?: number
  /** Where its footer begins, if it has one. */
  readonly footerOffset?: number
}

export interface ManifestSnapshot {
  readonly id: number
  readonly seq: number
  readonly bytes: number
  /** SHA-256 of its content, hexadecimal. */
  readonly digest: string
}

/** The last writer closed the store: everything up to `durableSeq` was durable. It does not say that nothing follows. */
export interface CleanClose {
  readonly durableSeq: number
  readonly epoch: number
}

export interface Manifest {
  /** 32 hexadecimal digits, drawn when the store was made. */
  readonly storeId: string
  /** Raised by each writer's open. 0 in a store that was never opened for writing. */
  readonly epoch: number
  /** No file has, or ever had, this id or a higher one: what is behind it was set aside for files that are still to come. */
  readonly nextId: number
  readonly segments: readonly ManifestSegment[]
  readonly snapshots: readonly ManifestSnapshot[]
  /** Everything up to here was deleted from the log on purpose. */
  readonly trimmedThrough: number
  /**
   * No batch or mark of a segment that is ended here is later, in wall-clock milliseconds. For the writer that
   * steps over all of them, since a snapshot covers them: its batches must not be older. Not in older files.
   */
  readonly lastTime?: number
  readonly clean?: CleanClose
}

export function emptyManifest(storeId: string): Manifest {
  return { storeId, epoch: 0, nextId: 1, segments: [], snapshots: [], trimmedThrough: 0 }
}

export function encodeManifest(manifest: Manifest, salt: number): Buffer {
  const header = Buffer.alloc(HEADER_PAYLOAD_BYTES)
  MAGIC.copy(header)
  header.writeUInt16LE(FORMAT_VERSION, 8)
  header.writeUInt32LE(salt, 12)
  const body = Buffer.from(JSON.stringify(manifest), 'utf8')
  return Buffer.concat([
    encodeFrame({ kind: KIND.header, payload: header }, FORMAT_SEED),
    encodeFrame({ kind: KIND.body, payload: body }, salt),
  ])
}

/** Throws `MANIFEST_CORRUPT`, or `UNSUPPORTED_FORMAT` for a newer format. */
export async function decodeManifest(bytes: Buffer, path: string): Promise<Manifest> {
  const source = {
    read: (into: Uint8Array, position: number): Promise<number> =>
      Promise.resolve(bytes.copy(into, 0, position, position + into.length)),
  }
  const reader = new FrameReader(source, { seed: FORMAT_SEED, start: 0, end: bytes.length, kinds: KINDS })
  const header = await nextFrame(reader, KIND.header, path)
  if (header.payload.length < 10 || !header.payload.subarray(0, 8).equals(MAGIC))
    throw corrupt(path, 0, 'it is not a manifest')
  const format = header.payload.readUInt16LE(8)
  if (format > FORMAT_VERSION) throw unsupportedFormat(path, format)
  if (
    format === 0 ||
    header.payload.length !== HEADER_PAYLOAD_BYTES ||
    header.payload.readUInt16LE(10) !== 0
  ) {
    throw corrupt(path, 0, 'its header has fields that this format does not have')
  }
  reader.setSeed(header.payload.readUInt32LE(12))
  const body = await nextFrame(reader, KIND.body, path)
  const manifest = parseManifest(body.payload.toString('utf8'))
  if (typeof manifest === 'string') throw corrupt(path, body.offset, manifest)
  const end = await reader.next()
  if (end.type !== 'end') throw corrupt(path, body.end, 'something follows its body')
  return manifest
}

async function nextFrame(reader: FrameReader, kind: number, path: string): Promise<Frame> {
  const frame = await reader.next()
  if (frame.type === 'fault' && frame.newerVersion !== undefined)
    throw unsupportedFormat(path, frame.newerVersion)
  if (frame.type !== 'frame')
    throw corrupt(
      path,
      frame.offset,
      frame.type === 'end' ? 'it ends early' : `its frame is damaged: ${frame.reason}`,
    )
  if (frame.kind !== kind)
    throw corrupt(path, frame.offset, `a frame of kind ${frame.kind} where ${kind} belongs`)
  return frame
}

function corrupt(path: string, offset: number, what: string): HoldfastError {
  return new HoldfastError('MANIFEST_CORRUPT', `the manifest cannot be used: ${what}`, { path, offset })
}

function parseManifest(text: string): Manifest | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'its body is not JSON'
  }
  if (!isRecord(value)) return 'its body is not an object'
  const { storeId, epoch, nextId, segments, snapshots, trimmedThrough, lastTime, clean } = value
  if (typeof storeId !== 'string' || !/^[0-9a-f]{32}$/.test(storeId)) return 'its store id is malformed'
  if (!isSeq(epoch) || !isSeq(nextId) || nextId === 0 || nextId > MAX_ID + 1 || !isSeq(trimmedThrough))
    return 'one of its numbers is malformed'
  if (lastTime !== undefined && !isSeq(lastTime)) return 'its last time is malformed'
  if (!Array.isArray(segments) || !segments.every(isSegment)) return 'its list of segments is malformed'
  if (!Array.isArray(snapshots) || !snapshots.every(isSnapshot)) return 'its list of snapshots is malformed'
  if (clean !== undefined && !(isRecord(clean) && isSeq(clean['durableSeq']) && isSeq(clean['epoch'])))
    return 'its clean-close mark is malformed'
  const ids = [...segments, ...snapshots].map((file: { id: number }) => file.id)
  if (new Set(ids).size !== ids.length) return 'it names an id twice'
  // A writer would give it again.
  if (ids.some((id) => id >= nextId)) return 'it names an id that was not given yet'
  return value as unknown as Manifest
}

function isSegment(value: unknown): value is ManifestSegment {
  return (
    isRecord(value) &&
    isId(value['id']) &&
    isSeq(value['salt']) &&
    ['firstSeq', 'lastSeq', 'digest', 'bytes', 'footerOffset'].every(
      (key) => value[key] === undefined || isSeq(value[key]),
    ) &&
    (value['lastSeq'] === undefined) === (value['digest'] === undefined)
  )
}

function isSnapshot(value: unknown): value is ManifestSnapshot {
  return (
    isRecord(value) &&
    isId(value['id']) &&
    isSeq(value['seq']) &&
    isSeq(value['bytes']) &&
    typeof value['digest'] === 'string' &&
    /^[0-9a-f]{64}$/.test(value['digest'])
  )
}

/** A name has room for it. */
function isId(value: unknown): value is number {
  return isSeq(value) && value > 0 && value <= MAX_ID
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
