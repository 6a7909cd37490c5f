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
import { HoldfastError, isTemporaryName, joinPath, type Environment } from '@holdfast/environment'
import { isUnproven, judge, readCandidate, type Candidate } from './candidate.ts'
import { parseSegmentName, type SegmentHeader } from './format.ts'
import type { Manifest } from './manifest.ts'
import type { LogPlan } from './plan.ts'
import { listOf } from './store-directory.ts'

/** A segment in its place in the chain. */
export interface ChainSegment {
  readonly id: number
  readonly salt: number
  readonly path: string
  readonly firstSeq: number
  readonly bytes: number
  /** What the file had before it was first used, as the manifest says; `undefined` where it does not, or the segment is ended. */
  readonly leastBytes: number | undefined
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
        leastBytes: undefined,
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
  const refuse = (refusal: HoldfastError): Chain => ({ segments: [], ignored, highestId, refusal })
  const chain = covered.sort(
    (a, b) => a.firstSeq - b.firstSeq || (a.lastSeq ?? 0) - (b.lastSeq ?? 0) || a.id - b.id,
  )
  const gap = gapIn(chain)
  if (gap !== undefined) return refuse(gap)
  const byPredecessor = new Map<number, Candidate[]>()
  for (const candidate of candidates.values()) {
    const id = candidate.header?.predecessor.id ?? 0
    byPredecessor.set(id, [...(byPredecessor.get(id) ?? []), candidate])
  }
  let previous = chain.at(-1)
  let found =
    previous === undefined ? findRoot(candidates, manifest) : successorOf(byPredecessor.get(previous.id))
  while (found !== undefined) {
    if (found instanceof HoldfastError) return refuse(found)
    const header = found.header as SegmentHeader
    if (previous !== undefined) {
      const wrong = wrongLink(previous, header, found.path)
      if (wrong !== undefined) return refuse(wrong)
      previous.lastSeq = header.predecessor.lastSeq
      previous.digest = header.predecessor.digest
    }
    previous = {
      id: header.id,
      salt: header.salt,
      path: found.path,
      firstSeq: header.firstSeq,
      bytes: found.bytes,
      leastBytes: found.entry?.lastSeq === undefined ? found.entry?.bytes : undefined,
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
        new HoldfastError(
          'CORRUPT',
          `segment ${rest.id} does not continue any segment that is here: the one before it is missing`,
          { path: rest.path, seq: rest.header?.firstSeq },
        ),
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

/** Segments that a snapshot covers have no header to link them: their sequences must. */
function gapIn(covered: readonly ChainSegment[]): HoldfastError | undefined {
  for (let i = 1; i < covered.length; i++) {
    const [previous, next] = [covered[i - 1], covered[i]]
    if (previous && next && next.firstSeq !== (previous.lastSeq ?? 0) + 1) {
      return new HoldfastError(
        'CORRUPT',
        `the log has a gap: segment ${previous.id} ends at ${previous.lastSeq}, segment ${next.id} begins at ${next.firstSeq}`,
        { path: next.path, seq: next.firstSeq },
      )
    }
  }
  return undefined
}

/** What a header says of its predecessor, against what the manifest and the predecessor itself say. */
function wrongLink(
  previous: ChainSegment,
  { id, firstSeq, epoch, predecessor }: SegmentHeader,
  path: string,
): HoldfastError | undefined {
  if (
    (previous.lastSeq !== undefined && previous.lastSeq !== predecessor.lastSeq) ||
    (previous.digest !== undefined && previous.digest !== predecessor.digest)
  ) {
    return new HoldfastError(
      'CORRUPT',
      `segment ${id} continues segment ${previous.id} at ${predecessor.lastSeq}, and the manifest ends that one elsewhere`,
      { path, seq: firstSeq },
    )
  }
  if (previous.header !== undefined && epoch < previous.header.epoch) {
    return new HoldfastError(
      'CORRUPT',
      `segment ${id} is of an older epoch than segment ${previous.id}, which it continues`,
      { path, seq: firstSeq },
    )
  }
  return undefined
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
