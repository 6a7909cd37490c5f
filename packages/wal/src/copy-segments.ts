import { copyFile, ioError, joinPath, type Environment, type File } from '@holdfast/environment'
import { openSegment } from './batch-reader.ts'
import { segmentName } from './segment-name.ts'
import type { ManifestSegment } from './manifest.ts'
import type { Boundary } from './plan.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'

/**
 * Copies the segments of an open log, as far as they are durable, into a directory that is there and
 * empty. Each copy and the directory are synced. A log that is copied past that point while it is written
 * looks damaged (pebble#5142). Throws `GapError` where what is still to be copied is trimmed.
 *
 * Returns what a manifest beside the copies has to say of them.
 */
export async function copySegments(
  environment: Environment,
  catalog: SegmentCatalog,
  targetPath: string,
  durable: Boundary | undefined,
): Promise<ManifestSegment[]> {
  const segments = catalog.segments.map((segment) => endOf(segment, durable))
  try {
    const copies: ManifestSegment[] = []
    for (const { segment, end } of segments) {
      const to = joinPath(targetPath, segmentName(segment.firstSeq, segment.id))
      const bytes = await copySegment(environment, catalog, segment, to, end.offset)
      copies.push({
        id: segment.id,
        salt: segment.salt,
        firstSeq: segment.firstSeq,
        lastSeq: end.seq,
        digest: end.digest,
        bytes,
      })
    }
    await environment.files.syncDirectory(targetPath)
    return copies
  } catch (cause) {
    throw ioError(cause, { doing: 'copy the log', path: targetPath })
  }
}

/** Where a segment ends in the copy: where its successor attaches, or where what is durable of the newest ends. */
function endOf(
  segment: CatalogSegment,
  durable: Boundary | undefined,
): { segment: CatalogSegment; end: Boundary } {
  // One that has no end is the one that is written to, and has such a batch.
  const end = segment.end === undefined ? durable : { ...segment.end, offset: segment.countedBytes }
  return { segment, end: end as Boundary }
}

/** Returns how many bytes there were. */
async function copySegment(
  environment: Environment,
  catalog: SegmentCatalog,
  segment: CatalogSegment,
  to: string,
  endBytes: number,
): Promise<number> {
  const { path } = segment
  const source = await openSegment(environment, catalog, segment, segment.firstSeq)
  // It may be another disk that fails than the one that is copied to.
  const read: File['read'] = (into, position) =>
    source.read(into, position).catch((cause: unknown) => {
      throw ioError(cause, { doing: 'read the segment', path })
    })
  try {
    // Of one that a snapshot covers, and nobody has read, only the size is known that it had before it was sealed, perhaps.
    const isWhole = segment.end !== undefined && endBytes === segment.bytes
    const bytes = isWhole ? Math.min(endBytes, await source.size()) : endBytes
    await copyFile(environment.files, { read }, to, bytes)
    return bytes
  } finally {
    await source.close().catch(() => {})
  }
}
