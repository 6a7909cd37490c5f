/*
 * The files of a store as what they are made of, so that what a reader trusts can be changed and made to fit
 * again: fields of headers, batches, marks and footers, whole frames, the object in the manifest, names.
 */
import { encodeFrame } from '@holdfast/framing'
import { digestOf, FORMAT_SEED, frameAt } from '../reference/frames.ts'

export interface FrameModel {
  readonly kind: number
  readonly flags: number
  readonly payload: Buffer
}

export interface SegmentModel {
  readonly path: string
  readonly salt: number
  /** The header first. */
  readonly frames: readonly FrameModel[]
  /** Zeros behind the frames. */
  readonly rest: number
}

export interface StoreModel {
  readonly segments: readonly SegmentModel[]
  /** The object in the manifest, as text. */
  readonly manifest: string
  readonly manifestSalt: number
  /** All files that are neither: snapshots. */
  readonly others: ReadonlyMap<string, Buffer>
}

/** What stands where in a header's payload. Part of the format. */
export const HEADER = {
  salt: 12,
  storeId: 16,
  id: 32,
  epoch: 40,
  firstSeq: 48,
  predecessorId: 56,
  predecessorLastSeq: 64,
  digest: 72,
  machineVersion: 76,
  codec: 80,
} as const
export const KIND = { header: 1, batch: 2, mark: 3, footer: 4 } as const

/** Of a store that is sound. */
export function modelOf(files: ReadonlyMap<string, Buffer>): StoreModel {
  const segments: SegmentModel[] = []
  const others = new Map<string, Buffer>()
  let manifest = ''
  let manifestSalt = 0
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (path.endsWith('.wal')) segments.push(segmentOf(path, bytes))
    else if (path.endsWith('/MANIFEST')) {
      manifestSalt = bytes.readUInt32LE(16 + 12)
      manifest = frameAt(bytes, 32, { seed: manifestSalt, kinds: [2], flags: 0 }).payload.toString('utf8')
    } else others.set(path, bytes)
  }
  return { segments, manifest, manifestSalt, others }
}

function segmentOf(path: string, bytes: Buffer): SegmentModel {
  const rules = { seed: FORMAT_SEED, kinds: [1, 2, 3, 4], flags: 0 }
  const header = frameAt(bytes, 0, rules)
  // One that was prepared and never used.
  if (header.type !== 'frame') return { path, salt: 0, frames: [], rest: bytes.length }
  const salt = header.payload.readUInt32LE(HEADER.salt)
  const frames: FrameModel[] = []
  let end = 0
  for (let found = header; found.type === 'frame'; found = frameAt(bytes, end, { ...rules, seed: salt })) {
    frames.push({ kind: found.kind, flags: found.flags, payload: found.payload })
    end = found.end
  }
  return { path, salt, frames, rest: bytes.length - end }
}

/** The files, with right checksums all over. */
export function filesOf({ segments, manifest, manifestSalt, others }: StoreModel): Map<string, Buffer> {
  const files = new Map<string, Buffer>(others)
  for (const segment of segments) files.set(segment.path, encodeSegment(segment))
  files.set('/store/MANIFEST', encodeManifestText(manifest, manifestSalt))
  return files
}

function encodeSegment({ salt, frames, rest }: SegmentModel): Buffer {
  const encoded = frames.map(({ kind, flags, payload }, i) =>
    encodeFrame({ kind, flags, payload }, i === 0 ? FORMAT_SEED : salt),
  )
  return Buffer.concat([...encoded, Buffer.alloc(rest)])
}

function encodeManifestText(text: string, salt: number): Buffer {
  const header = Buffer.alloc(16)
  header.write('HOLDFMAN', 'latin1')
  header.writeUInt16LE(1, 8)
  header.writeUInt32LE(salt, 12)
  return Buffer.concat([
    encodeFrame({ kind: 1, payload: header }, FORMAT_SEED),
    encodeFrame({ kind: 2, payload: Buffer.from(text, 'utf8') }, salt),
  ])
}

/** Makes the digests of the chain right again: in the footers, in the headers that follow, in the manifest. */
export function relinked(model: StoreModel): StoreModel {
  const digests = new Map<number, number>()
  const segments: SegmentModel[] = []
  for (const segment of model.segments) {
    const [header] = segment.frames
    if (header === undefined || header.payload.length < HEADER.codec) {
      segments.push(segment)
      continue
    }
    const payload = Buffer.from(header.payload)
    const digest = digests.get(payload.readUInt32LE(HEADER.predecessorId))
    if (digest !== undefined) payload.writeUInt32LE(digest, HEADER.digest)
    const frames = [{ ...header, payload }, ...segment.frames.slice(1)]
    const own = footed({ ...segment, frames })
    segments.push(own.segment)
    digests.set(payload.readUInt32LE(HEADER.id), own.digest)
  }
  return { ...model, segments, manifest: withDigests(model.manifest, digests) }
}

/** A segment whose footers are right, and its digest up to its last batch. */
function footed(segment: SegmentModel): { segment: SegmentModel; digest: number } {
  const bytes = encodeSegment({ ...segment, rest: 0 })
  const places: { offset: number }[] = []
  let digest = 0
  let offset = 0
  const frames = segment.frames.map((frame, i) => {
    places.push({ offset })
    offset += 16 + Math.ceil(frame.payload.length / 8) * 8
    if (i === 0 || frame.kind === KIND.batch) digest = digestOf(bytes, places)
    if (frame.kind !== KIND.footer || frame.payload.length < 24) return frame
    const payload = Buffer.from(frame.payload)
    payload.writeUInt32LE(digest, 16)
    return { ...frame, payload }
  })
  return { segment: { ...segment, frames }, digest }
}

function withDigests(manifest: string, digests: ReadonlyMap<number, number>): string {
  try {
    const object = JSON.parse(manifest) as { segments: { id: number; digest?: number }[] }
    for (const entry of object.segments)
      if (entry.digest !== undefined) entry.digest = digests.get(entry.id) ?? 0
    return JSON.stringify(object)
  } catch {
    // It is not what it was any more.
    return manifest
  }
}
