/*
 * Which files of `wal/` are the log, and in which order.
 *
 * Each segment's header names its predecessor and how much of it counts; the log is the chain that
 * follows from that. The manifest names a segment, durably, before anything in it is acknowledged. Hence
 * the two rules that everything below comes from:
 *
 *   - a file that the manifest names and that is missing, replaced or unreadable is damage: it may have
 *     held acknowledged records;
 *   - a file that the manifest does not name holds no acknowledged record that is not elsewhere too: it
 *     counts if it links into the chain (a segment that was published just before a crash), and is
 *     otherwise left alone.
 */
import {
  HoldfastError,
  ioError,
  isTemporaryName,
  joinPath,
  type Environment,
  type File,
} from '@holdfast/environment'
import { firstNonZero, FORMAT_SEED, FrameReader } from '@holdfast/framing'
import {
  decodeSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  SEGMENT_KINDS,
  unsupportedFormat,
  type SegmentHeader,
} from './format.ts'
import type { Manifest, ManifestSegment } from './manifest.ts'
import type { LogPlan } from './plan.ts'
import { listOf } from './store-directory.ts'

/** A segment in its place in the chain. */
export interface ChainSegment {
  readonly id: number
  readonly salt: number
  readonly path: string
  readonly firstSeq: number
  readonly bytes: number
  /** `undefined` where a snapshot covers the segment and the manifest says all that is needed of it. */
  readonly header: SegmentHeader | undefined
  /** The last sequence that counts in it, as the manifest or its successor says; `undefined` for the last segment. */
  lastSeq: number | undefined
  digest: number | undefined
}

export interface Chain {
  readonly segments: ChainSegment[]
  readonly ignored: LogPlan['ignored']
  readonly refusal: HoldfastError | undefined
  /** The highest id of any file here, counted or not. */
  readonly highestId: number
}

/** What stands in a file under a segment's name. */
interface Candidate {
  readonly nameSeq: number
  readonly id: number
  readonly path: string
  readonly bytes: number
  readonly entry: ManifestSegment | undefined
  readonly header: SegmentHeader | undefined
  /** Why there is no header. */
  readonly fault: string | undefined
  /** The first byte behind the header's sector that is not zero; `undefined` where all are. Not looked for where the header is sound and proven. */
  readonly firstBehind: number | undefined
  readonly blank: boolean
}

/** Reads as little as decides it: the headers of segments that hold something above `after`. */
export async function readChain(
  environment: Environment,
  walPath: string,
  manifest: Manifest,
  after: number,
): Promise<Chain> {
  const ignored: LogPlan['ignored'] = []
  const entries = new Map(manifest.segments.map((entry) => [entry.id, entry]))
  const covered: ChainSegment[] = []
  const candidates = new Map<number, Candidate>()
  let highestId = 0
  const refuse = (what: string, fields: { path: string; offset?: number; seq?: number }): Chain => ({
    segments: [],
    ignored,
    highestId,
    refusal: new HoldfastError('CORRUPT', what, fields),
  })

  for (const name of (await listOf(environment, walPath)).sort()) {
    const path = joinPath(walPath, name)
    const parsed = parseSegmentName(name)
    if (parsed === undefined) {
      const temporary = isTemporaryName(name)
      ignored.push({
        path,
        reason: temporary ? 'a temporary file' : 'not a name of a segment',
        remove: temporary,
      })
      continue
    }
    highestId = Math.max(highestId, parsed.id)
    const entry = entries.get(parsed.id)
    if (candidates.has(parsed.id) || covered.some((segment) => segment.id === parsed.id)) {
      return refuse(`two files claim to be segment ${parsed.id}`, { path })
    }
    if (
      entry?.firstSeq !== undefined &&
      entry.lastSeq !== undefined &&
      entry.lastSeq <= after &&
      [0, entry.firstSeq].includes(parsed.firstSeq)
    ) {
      covered.push({
        id: entry.id,
        salt: entry.salt,
        path,
        firstSeq: entry.firstSeq,
        bytes: entry.bytes ?? 0,
        header: undefined,
        lastSeq: entry.lastSeq,
        digest: entry.digest,
      })
      continue
    }
    const candidate = await readCandidate(environment, path, parsed, entry)
    const verdict = judge(candidate, manifest)
    if (verdict instanceof HoldfastError) return { segments: [], ignored, highestId, refusal: verdict }
    if (verdict === undefined) candidates.set(parsed.id, candidate)
    else ignored.push({ path, ...verdict })
  }

  for (const entry of manifest.segments) {
    const present = candidates.has(entry.id) || covered.some((segment) => segment.id === entry.id)
    const unused = ignored.some(
      (file) => parseSegmentName(file.path.slice(walPath.length + 1))?.id === entry.id,
    )
    if (!present && !unused) {
      return refuse(`segment ${entry.id} is missing, and the manifest names it`, {
        path: walPath,
        ...(entry.firstSeq === undefined ? {} : { seq: entry.firstSeq }),
      })
    }
  }
  return link(covered, candidates, manifest, ignored, highestId)
}

/** Orders what was found by predecessor, and checks every link. */
function link(
  covered: ChainSegment[],
  candidates: Map<number, Candidate>,
  manifest: Manifest,
  ignored: LogPlan['ignored'],
  highestId: number,
): Chain {
  const refuse = (what: string, path: string, seq?: number): Chain => ({
    segments: [],
    ignored,
    highestId,
    refusal: new HoldfastError('CORRUPT', what, { path, seq }),
  })
  const chain = covered.sort(
    (a, b) => a.firstSeq - b.firstSeq || (a.lastSeq ?? 0) - (b.lastSeq ?? 0) || a.id - b.id,
  )
  for (let i = 1; i < chain.length; i++) {
    const [previous, next] = [chain[i - 1], chain[i]]
    if (previous && next && next.firstSeq !== (previous.lastSeq ?? 0) + 1) {
      return refuse(
        `the log has a gap: segment ${previous.id} ends at ${previous.lastSeq}, segment ${next.id} begins at ${next.firstSeq}`,
        next.path,
        next.firstSeq,
      )
    }
  }
  const byPredecessor = new Map<number, Candidate[]>()
  for (const candidate of candidates.values()) {
    const id = candidate.header?.predecessor.id ?? 0
    byPredecessor.set(id, [...(byPredecessor.get(id) ?? []), candidate])
  }
  let previous = chain.at(-1)
  let found =
    previous === undefined ? findRoot(candidates, manifest) : successorOf(byPredecessor.get(previous.id))
  while (found !== undefined) {
    if (found instanceof HoldfastError) return { segments: [], ignored, highestId, refusal: found }
    const header = found.header as SegmentHeader
    if (previous !== undefined) {
      const expected = { lastSeq: previous.lastSeq, digest: previous.digest }
      if (
        (expected.lastSeq !== undefined && expected.lastSeq !== header.predecessor.lastSeq) ||
        (expected.digest !== undefined && expected.digest !== header.predecessor.digest)
      ) {
        return refuse(
          `segment ${header.id} continues segment ${previous.id} at ${header.predecessor.lastSeq}, and the manifest ends that one elsewhere`,
          found.path,
          header.firstSeq,
        )
      }
      previous.lastSeq = header.predecessor.lastSeq
      previous.digest = header.predecessor.digest
      if (previous.header !== undefined && header.epoch < previous.header.epoch) {
        return refuse(
          `segment ${header.id} is of an older epoch than segment ${previous.id}, which it continues`,
          found.path,
          header.firstSeq,
        )
      }
    }
    previous = {
      id: header.id,
      salt: header.salt,
      path: found.path,
      firstSeq: header.firstSeq,
      bytes: found.bytes,
      header,
      lastSeq: found.entry?.lastSeq,
      digest: found.entry?.digest,
    }
    const successor = successorOf(byPredecessor.get(header.id))
    if (
      successor === undefined &&
      isUnproven(found.nameSeq, found.entry) &&
      found.firstBehind === undefined
    ) {
      ignored.push({ path: found.path, reason: 'begun, and nothing was written to it', remove: true })
    } else {
      chain.push(previous)
    }
    candidates.delete(header.id)
    found = successor
  }
  for (const rest of candidates.values()) {
    if (rest.entry !== undefined) {
      return refuse(
        `segment ${rest.id} does not continue any segment that is here: the one before it is missing`,
        rest.path,
        rest.header?.firstSeq,
      )
    }
    ignored.push({
      path: rest.path,
      reason: 'it links to no segment of this log, and the manifest does not name it',
      remove: false,
    })
  }
  return { segments: chain, ignored, highestId, refusal: undefined }
}

/**
 * A header that can be read is not durable for that: a process that was killed while it wrote it may have left
 * it in the page cache only. Neither its name nor the manifest says yet that it is; a batch behind it would,
 * since the first is written after the header was synced. Where there is none, the segment is given up: were
 * the log continued from it, a power cut could take the middle of the chain away.
 */
function isUnproven(nameSeq: number, entry: ManifestSegment | undefined): boolean {
  return nameSeq === 0 && entry?.firstSeq === undefined
}

/** The first segment that is still here: the store's first, or the one behind what was trimmed. */
function findRoot(
  candidates: Map<number, Candidate>,
  manifest: Manifest,
): Candidate | HoldfastError | undefined {
  const roots = [...candidates.values()].filter(
    ({ header }) => header !== undefined && !candidates.has(header.predecessor.id),
  )
  const rightful = roots.filter(
    ({ header }) => header !== undefined && header.predecessor.lastSeq <= manifest.trimmedThrough,
  )
  if (rightful.length > 0) return successorOf(rightful)
  const [root] = roots
  if (root === undefined) return undefined
  return new HoldfastError(
    'CORRUPT',
    `the log begins at segment ${root.id}, and the one before it is missing`,
    {
      path: root.path,
      seq: root.header?.firstSeq,
    },
  )
}

function successorOf(candidates: readonly Candidate[] | undefined): Candidate | HoldfastError | undefined {
  if (candidates === undefined || candidates.length <= 1) return candidates?.[0]
  const named = candidates.filter(({ entry }) => entry !== undefined)
  if (named.length === 1) return named[0]
  return new HoldfastError(
    'CORRUPT',
    `several segments continue the same one: ${candidates.map(({ id }) => id).join(', ')}`,
    {
      path: candidates[0]?.path,
    },
  )
}

type Verdict = HoldfastError | { reason: string; remove: boolean } | undefined

/** `undefined`: it takes part in the chain. */
function judge(file: Candidate, manifest: Manifest): Verdict {
  const { entry, header, path } = file
  const corrupt = (what: string, offset = 0): HoldfastError =>
    new HoldfastError('CORRUPT', what, { path, offset, seq: entry?.firstSeq })
  if (header === undefined) {
    if (entry === undefined) {
      return { reason: `no segment: ${file.fault}, and the manifest does not name it`, remove: file.blank }
    }
    if (entry.firstSeq !== undefined)
      return corrupt(`the header of segment ${file.id} is damaged: ${file.fault}`)
    if (file.firstBehind !== undefined)
      return corrupt(
        `the header of segment ${file.id} is damaged (${file.fault}), and something stands behind it`,
        file.firstBehind,
      )
    if (entry.bytes !== undefined && file.bytes < entry.bytes) {
      return corrupt(
        `segment ${file.id} has ${file.bytes} bytes, and had ${entry.bytes} before it was first used`,
        file.bytes,
      )
    }
    return { reason: 'prepared, and never used', remove: true }
  }
  const named = entry !== undefined
  const wrong =
    header.storeId.toString('hex') !== manifest.storeId
      ? 'it belongs to another store'
      : header.id !== file.id
        ? `its name says segment ${file.id}, its header ${header.id}`
        : file.nameSeq !== 0 && file.nameSeq !== header.firstSeq
          ? `its name says that it begins at ${file.nameSeq}, its header ${header.firstSeq}`
          : named && entry.salt !== header.salt
            ? 'it is not the file that the manifest names under this id'
            : named && entry.firstSeq !== undefined && entry.firstSeq !== header.firstSeq
              ? `the manifest says that it begins at ${entry.firstSeq}, its header ${header.firstSeq}`
              : header.epoch > manifest.epoch
                ? `it is of epoch ${header.epoch}, and the manifest of ${manifest.epoch}`
                : undefined
  if (wrong === undefined) {
    return !named && header.firstSeq <= manifest.trimmedThrough
      ? { reason: 'trimmed', remove: true }
      : undefined
  }
  const foreign = header.storeId.toString('hex') !== manifest.storeId
  if (foreign && named) {
    return new HoldfastError(
      'FOREIGN_FILE',
      `the file in the place of segment ${file.id} belongs to another store`,
      { path },
    )
  }
  // An epoch from the future means that the manifest is an old one: what it does not name proves nothing.
  return named || (!foreign && header.epoch > manifest.epoch)
    ? corrupt(`the file is not what belongs here: ${wrong}`)
    : { reason: wrong, remove: false }
}

async function readCandidate(
  environment: Environment,
  path: string,
  name: { firstSeq: number; id: number },
  entry: ManifestSegment | undefined,
): Promise<Candidate> {
  let file: File
  try {
    file = await environment.files.open(path, 'read')
  } catch (cause) {
    throw ioError(cause, { doing: 'open the segment', path })
  }
  try {
    const bytes = await file.size()
    const common = { nameSeq: name.firstSeq, id: name.id, path, bytes, entry }
    const reader = new FrameReader(file, {
      seed: FORMAT_SEED,
      start: 0,
      end: Math.min(bytes, SEGMENT_HEADER_BYTES),
      kinds: SEGMENT_KINDS,
      windowBytes: SEGMENT_HEADER_BYTES,
    })
    const frame = await reader.next()
    if (frame.type === 'fault' && frame.newerVersion !== undefined)
      throw unsupportedFormat(path, frame.newerVersion)
    const header =
      frame.type === 'frame'
        ? decodeSegmentHeader(frame, path)
        : frame.type === 'fault'
          ? frame.reason
          : 'the file is empty'
    if (typeof header !== 'string' && !isUnproven(name.firstSeq, entry))
      return { ...common, header, fault: undefined, firstBehind: undefined, blank: false }
    const firstBehind = await firstNonZero(file, Math.min(bytes, SEGMENT_HEADER_BYTES), bytes)
    if (typeof header !== 'string') return { ...common, header, fault: undefined, firstBehind, blank: false }
    const blank = firstBehind === undefined && (await firstNonZero(file, 0, bytes)) === undefined
    return { ...common, header: undefined, fault: header, firstBehind, blank }
  } catch (cause) {
    throw ioError(cause, { doing: 'read the header of the segment', path })
  } finally {
    await file.close().catch(() => {})
  }
}
