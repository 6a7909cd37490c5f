/*
 * One file under a segment's name: what its header says, and whether that is what belongs there. Which of
 * them are the log is decided in chain.ts, by the two rules that stand there.
 */
import { HoldfastError, ioError, type Environment, type File } from '@holdfast/environment'
import { firstNonZero, FORMAT_SEED, FrameReader } from '@holdfast/framing'
import {
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  SEGMENT_KINDS,
  unsupportedFormat,
  type SegmentHeader,
} from './format.ts'
import type { Manifest, ManifestSegment } from './manifest.ts'

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

export async function readCandidate(
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

/** One that takes part in the chain. */
export interface Link extends Candidate {
  readonly header: SegmentHeader
}

/** A link of the chain, damage, or what is to become of a file that does not count. */
export function judge(
  file: Candidate,
  manifest: Manifest,
): Link | HoldfastError | { reason: string; remove: boolean } {
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
      : { ...file, header }
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

/**
 * A header that can be read is not durable for that: a process that was killed while it wrote it may have left
 * it in the page cache only. Neither its name nor the manifest says yet that it is; a batch behind it would,
 * since the first is written after the header was synced. Where there is none, the segment is given up: were
 * the log continued from it, a power cut could take the middle of the chain away.
 */
export function isUnproven(nameSeq: number, entry: ManifestSegment | undefined): boolean {
  return nameSeq === 0 && entry?.firstSeq === undefined
}
