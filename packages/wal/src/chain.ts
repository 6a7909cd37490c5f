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
import { isUnproven, judge, readCandidate, type Link } from './candidate.ts'
import { type SegmentHeader } from './format.ts'
import { parseSegmentName } from './segment-name.ts'
import type { Manifest, ManifestSegment } from './manifest.ts'
import type { LogPlan, SegmentEnd } from './plan.ts'
import { listOf } from './store-directory.ts'

interface InChain {
  readonly id: number
  readonly salt: number
  readonly path: string
  readonly firstSeq: number
  readonly bytes: number
}

/** A snapshot covers it, and the manifest says all that is needed of it: not even its header was read. */
export interface CoveredSegment extends InChain {
  readonly header: undefined
  end: SegmentEnd
}

export interface LinkedSegment extends InChain {
  readonly header: SegmentHeader
  /** What the file had before it was first used, as the manifest says; `undefined` where it does not, or the segment is ended. */
  readonly leastBytes: number | undefined
  /** The last sequence that counts in it, as the manifest or its successor says; `undefined` for the last segment. */
  end: SegmentEnd | undefined
}

/** A segment in its place in the chain. */
export type ChainSegment = CoveredSegment | LinkedSegment

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
  const covered: CoveredSegment[] = []
  const links = new Map<number, Link>()
  let highestId = 0
  const refuse = (what: string, fields: { path: string; seq?: number | undefined }): Chain => ({
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
    if (links.has(parsed.id) || covered.some((segment) => segment.id === parsed.id)) {
      return refuse(`two files claim to be segment ${parsed.id}`, { path })
    }
    const known = entry === undefined ? undefined : coveredBy(after, entry, path)
    if (known !== undefined && [0, known.firstSeq].includes(parsed.firstSeq)) {
      covered.push(known)
      continue
    }
    const verdict = judge(await readCandidate(environment, path, parsed, entry), manifest)
    if (verdict instanceof HoldfastError) return { segments: [], ignored, highestId, refusal: verdict }
    if ('header' in verdict) links.set(parsed.id, verdict)
    else ignored.push({ path, ...verdict })
  }

  for (const entry of manifest.segments) {
    const present = links.has(entry.id) || covered.some((segment) => segment.id === entry.id)
    const unused = ignored.some(
      (file) => parseSegmentName(file.path.slice(walPath.length + 1))?.id === entry.id,
    )
    if (!present && !unused) {
      return refuse(`segment ${entry.id} is missing, and the manifest names it`, {
        path: walPath,
        seq: entry.firstSeq,
      })
    }
  }
  return link(covered, links, manifest, ignored, highestId)
}

/** The segment as the manifest knows it, if it holds nothing above `after` and the manifest knows all of it. */
function coveredBy(after: number, entry: ManifestSegment, path: string): CoveredSegment | undefined {
  const { id, salt, firstSeq, bytes } = entry
  const end = endOf(entry)
  if (firstSeq === undefined || bytes === undefined || end === undefined || end.seq > after) return undefined
  return { id, salt, path, firstSeq, bytes, header: undefined, end }
}

/** Where the manifest ends a segment, if it does. */
function endOf({ lastSeq, digest }: ManifestSegment): SegmentEnd | undefined {
  return lastSeq === undefined || digest === undefined ? undefined : { seq: lastSeq, digest }
}

/** Orders what was found by predecessor, and checks every link. */
function link(
  covered: CoveredSegment[],
  links: Map<number, Link>,
  manifest: Manifest,
  ignored: LogPlan['ignored'],
  highestId: number,
): Chain {
  const refuse = (refusal: HoldfastError): Chain => ({ segments: [], ignored, highestId, refusal })
  covered.sort((a, b) => a.firstSeq - b.firstSeq || a.end.seq - b.end.seq || a.id - b.id)
  const gap = gapIn(covered)
  if (gap !== undefined) return refuse(gap)
  const chain: ChainSegment[] = [...covered]
  const byPredecessor = new Map<number, Link[]>()
  for (const file of links.values()) {
    const { id } = file.header.predecessor
    byPredecessor.set(id, [...(byPredecessor.get(id) ?? []), file])
  }
  let previous = chain.at(-1)
  let found = previous === undefined ? findRoot(links, manifest) : successorOf(byPredecessor.get(previous.id))
  while (found !== undefined) {
    if (found instanceof HoldfastError) return refuse(found)
    const { header, entry, path } = found
    if (previous !== undefined) {
      const wrong = wrongLink(previous, header, path)
      if (wrong !== undefined) return refuse(wrong)
      previous.end = { seq: header.predecessor.lastSeq, digest: header.predecessor.digest }
    }
    previous = {
      id: header.id,
      salt: header.salt,
      path,
      firstSeq: header.firstSeq,
      bytes: found.bytes,
      leastBytes: entry?.lastSeq === undefined ? entry?.bytes : undefined,
      header,
      end: entry && endOf(entry),
    }
    const successor = successorOf(byPredecessor.get(header.id))
    if (successor === undefined && isUnproven(found.nameSeq, entry) && found.firstBehind === undefined) {
      ignored.push({ path, reason: 'begun, and nothing was written to it', remove: true })
    } else {
      chain.push(previous)
    }
    links.delete(header.id)
    found = successor
  }
  for (const { id, path, header, entry } of links.values()) {
    if (entry !== undefined) {
      return refuse(
        new HoldfastError(
          'CORRUPT',
          `segment ${id} does not continue any segment that is here: the one before it is missing`,
          { path, seq: header.firstSeq },
        ),
      )
    }
    ignored.push({
      path,
      reason: 'it links to no segment of this log, and the manifest does not name it',
      remove: false,
    })
  }
  return { segments: chain, ignored, highestId, refusal: undefined }
}

/** Segments that a snapshot covers have no header to link them: their sequences must. */
function gapIn(covered: readonly CoveredSegment[]): HoldfastError | undefined {
  let previous: CoveredSegment | undefined
  for (const next of covered) {
    if (previous !== undefined && next.firstSeq !== previous.end.seq + 1) {
      return new HoldfastError(
        'CORRUPT',
        `the log has a gap: segment ${previous.id} ends at ${previous.end.seq}, segment ${next.id} begins at ${next.firstSeq}`,
        { path: next.path, seq: next.firstSeq },
      )
    }
    previous = next
  }
  return undefined
}

/** What a header says of its predecessor, against what the manifest and the predecessor itself say. */
function wrongLink(
  previous: ChainSegment,
  { id, firstSeq, epoch, predecessor }: SegmentHeader,
  path: string,
): HoldfastError | undefined {
  const { end, header } = previous
  if (end !== undefined && (end.seq !== predecessor.lastSeq || end.digest !== predecessor.digest)) {
    return new HoldfastError(
      'CORRUPT',
      `segment ${id} continues segment ${previous.id} at ${predecessor.lastSeq}, and the manifest ends that one elsewhere`,
      { path, seq: firstSeq },
    )
  }
  if (header !== undefined && epoch < header.epoch) {
    return new HoldfastError(
      'CORRUPT',
      `segment ${id} is of an older epoch than segment ${previous.id}, which it continues`,
      { path, seq: firstSeq },
    )
  }
  return undefined
}

/** The first segment that is still here: the store's first, or the one behind what was trimmed. */
function findRoot(links: Map<number, Link>, manifest: Manifest): Link | HoldfastError | undefined {
  const roots = [...links.values()].filter(({ header }) => !links.has(header.predecessor.id))
  const rightful = roots.filter(({ header }) => header.predecessor.lastSeq <= manifest.trimmedThrough)
  if (rightful.length > 0) return successorOf(rightful)
  const [root] = roots
  if (root === undefined) return undefined
  return new HoldfastError(
    'CORRUPT',
    `the log begins at segment ${root.id}, and the one before it is missing`,
    { path: root.path, seq: root.header.firstSeq },
  )
}

function successorOf(links: readonly Link[] = []): Link | HoldfastError | undefined {
  if (links.length <= 1) return links[0]
  const named = links.filter(({ entry }) => entry !== undefined)
  if (named.length === 1) return named[0]
  return new HoldfastError(
    'CORRUPT',
    `several segments continue the same one: ${links.map(({ id }) => id).join(', ')}`,
    { path: links[0]?.path },
  )
}
