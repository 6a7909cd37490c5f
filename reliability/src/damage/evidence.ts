/*
 * What must not be lost of a store, worked out from docs/format.md and nothing else: the last sequence that can
 * be read, and the last that something on the disk says was durable. Where the second is the higher one, the
 * store has to be refused; else it opens, and the first is where it ends.
 */
import { FORMAT_SEED, frameAt, type ReferenceFrame, soundFrames } from '../reference/frames.ts'
import { type Files, STORE } from './store.ts'

export interface Reading {
  readonly readable: number
  readonly proven: number
  /** Where the last batch that can be read begins, by its first sequence. 0: there is none. */
  readonly lastBatch: number
}

interface Segment {
  readonly id: number
  readonly bytes: Buffer
  readonly salt: number
  readonly firstSeq: number
  readonly predecessor: { readonly id: number; readonly lastSeq: number }
}

interface ManifestFields {
  readonly storeId: string
  readonly segments: readonly { readonly id: number; readonly lastSeq?: number }[]
  readonly snapshots: readonly { readonly id: number; readonly seq: number }[]
  readonly trimmedThrough: number
  readonly clean?: { readonly durableSeq: number }
}

const KINDS = [1, 2, 3, 4]

/** `undefined` where there is no manifest that can be read: nothing may be opened then. */
export function readingOf(files: Files): Reading | undefined {
  const manifest = manifestOf(files.get(`${STORE}/MANIFEST`))
  if (manifest === undefined) return undefined
  const chain = chainOf(files, manifest)
  let readable = manifest.trimmedThrough
  let lastBatch = 0
  for (const [i, segment] of chain.entries()) {
    const successor = chain[i + 1]
    const end = successor?.predecessor.lastSeq ?? Number.POSITIVE_INFINITY
    const read = readableIn(segment, end)
    if (read.lastBatch > 0) ({ lastBatch } = read)
    readable = read.lastSeq
    // It has to hold all that its successor says: what is behind a hole cannot be read.
    if (successor !== undefined && readable < end) break
  }
  const said = [
    manifest.trimmedThrough,
    manifest.clean?.durableSeq ?? 0,
    ...manifest.segments.map(({ lastSeq = 0 }) => lastSeq),
    ...manifest.snapshots.map(({ seq }) => seq),
    ...[...files].map(([path, bytes]) => snapshotSeq(path, bytes, manifest.storeId)),
    ...chain.map(({ predecessor }) => predecessor.lastSeq),
    ...chain.flatMap((segment) => [...soundFrames(segment.bytes, 512, rulesOf(segment))].map(durableIn)),
  ]
  return { readable, proven: Math.max(...said), lastBatch }
}

function manifestOf(bytes: Buffer | undefined): ManifestFields | undefined {
  if (bytes === undefined) return undefined
  const header = frameAt(bytes, 0, { seed: FORMAT_SEED, kinds: [1], flags: 0 })
  if (header.type !== 'frame') return undefined
  const body = frameAt(bytes, header.end, { seed: header.payload.readUInt32LE(12), kinds: [2], flags: 0 })
  if (body.type !== 'frame' || body.end !== bytes.length) return undefined
  return JSON.parse(body.payload.toString('utf8')) as ManifestFields
}

/** From the segment whose predecessor is not here, each to the one that names it. */
function chainOf(files: Files, manifest: ManifestFields): Segment[] {
  const segments = [...files].flatMap(([path, bytes]) => segmentIn(path, bytes, manifest.storeId) ?? [])
  const named = new Set(manifest.segments.map(({ id }) => id))
  const byName = (a: Segment, b: Segment): number => Number(named.has(b.id)) - Number(named.has(a.id))
  const roots = segments.filter(({ predecessor }) => !segments.some(({ id }) => id === predecessor.id))
  const chain: Segment[] = []
  for (let next = roots.sort(byName)[0]; next !== undefined; ) {
    chain.push(next)
    const { id } = next
    next = segments.filter(({ predecessor }) => predecessor.id === id).sort(byName)[0]
  }
  return chain
}

function segmentIn(path: string, bytes: Buffer, storeId: string): Segment | undefined {
  const name = /\/wal\/(\d{20})-(\d{10})\.wal$/.exec(path)
  const header = frameAt(bytes, 0, { seed: FORMAT_SEED, kinds: [1], flags: 0 })
  if (name === null || header.type !== 'frame' || header.payload.toString('hex', 16, 32) !== storeId)
    return undefined
  const { payload } = header
  return {
    id: Number(name[2]),
    bytes,
    salt: payload.readUInt32LE(12),
    firstSeq: u64(payload, 48),
    predecessor: { id: u64(payload, 56), lastSeq: u64(payload, 64) },
  }
}

/** Frames one behind the other, as long as they are sound and their sequences have no gap. */
function readableIn(segment: Segment, end: number): { lastSeq: number; lastBatch: number } {
  const { bytes, firstSeq } = segment
  let lastSeq = firstSeq - 1
  let lastBatch = 0
  for (let at = 512; lastSeq < end; ) {
    const frame = frameAt(bytes, at, rulesOf(segment))
    if (frame.type !== 'frame') break
    at = frame.end
    if (frame.kind !== 2) continue
    if (u64(frame.payload, 0) !== lastSeq + 1) break
    lastBatch = lastSeq + 1
    lastSeq += frame.payload.readUInt32LE(24)
  }
  return { lastSeq, lastBatch }
}

function rulesOf({ salt }: Segment) {
  return { seed: salt, kinds: KINDS, flags: 0 }
}

/** What a sound frame says was durable, wherever it stands. */
function durableIn({ kind, payload }: ReferenceFrame): number {
  if (kind === 2) return u64(payload, 16)
  return kind === 3 || kind === 4 ? u64(payload, 0) : 0
}

/** A published snapshot says so by being there. 0 where it is none of this store's. */
function snapshotSeq(path: string, bytes: Buffer, storeId: string): number {
  const name = /\/snapshots\/(\d{20})-(\d{10})\.snap$/.exec(path)
  const header = frameAt(bytes, 0, { seed: FORMAT_SEED, kinds: [1], flags: 1 })
  if (name === null || header.type !== 'frame') return 0
  const { payload } = header
  const own = payload.toString('hex', 16, 32) === storeId && u64(payload, 32) === Number(name[2])
  return own && u64(payload, 40) === Number(name[1]) ? u64(payload, 40) : 0
}

function u64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}
