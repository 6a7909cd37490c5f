import {
  errnoOf,
  HoldfastError,
  ioError,
  joinPath,
  parentPath,
  type Environment,
  type File,
} from '@holdfast/environment'
import { FORMAT_SEED, FRAME_ALIGNMENT, FrameReader, type Frame } from '@holdfast/framing'
import {
  decodeBatch,
  decodeFooter,
  decodeSegmentHeader,
  KIND,
  SEGMENT_HEADER_BYTES,
  SEGMENT_KINDS,
  type IndexEntry,
  type SegmentHeader,
} from './format.ts'
import { segmentName } from './segment-name.ts'
import type { Batch } from './log.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'

/** How much is read at a time: less than a scan's window, since many readers may follow one log. */
const WINDOW_BYTES = 128 * 1024

/** Reads one segment of an open log forwards, again and again as it grows. */
export class SegmentReader {
  readonly #segment: CatalogSegment
  readonly #file: File
  readonly #header: SegmentHeader
  #position: number

  private constructor(segment: CatalogSegment, file: File, header: SegmentHeader, position: number) {
    this.#segment = segment
    this.#file = file
    this.#header = header
    this.#position = position
  }

  /** Stands at, or somewhat before, the batch that holds `seq`. `GapError` when the file was trimmed meanwhile. */
  static async open(
    environment: Environment,
    catalog: SegmentCatalog,
    segment: CatalogSegment,
    seq: number,
  ): Promise<SegmentReader> {
    const file = await openSegment(environment, catalog, segment, seq)
    try {
      const reader = new FrameReader(file, {
        seed: FORMAT_SEED,
        start: 0,
        end: SEGMENT_HEADER_BYTES,
        kinds: SEGMENT_KINDS,
        windowBytes: SEGMENT_HEADER_BYTES,
      })
      const frame = await reader.next()
      const header = frame.type === 'frame' ? decodeSegmentHeader(frame, segment.path) : 'it cannot be read'
      if (typeof header === 'string' || header.salt !== segment.salt)
        throw damaged(
          segment.path,
          0,
          seq,
          `its header changed: ${typeof header === 'string' ? header : 'another salt'}`,
        )
      if (segment.footerOffset !== undefined && segment.index.length === 0)
        segment.index = await readIndex(file, segment)
      return new SegmentReader(segment, file, header, positionFor(segment.index, seq))
    } catch (cause) {
      await file.close().catch(() => {})
      throw ioError(cause, { doing: 'read the segment', path: segment.path })
    }
  }

  get segment(): CatalogSegment {
    return this.#segment
  }

  /** Batches from the one that holds `from` to the one that holds `through`; all of them must be in the file. */
  async *batches(from: number, through: number): AsyncGenerator<Batch, void, undefined> {
    const { path, salt } = this.#segment
    const reader = new FrameReader(this.#file, {
      seed: salt,
      start: this.#position,
      end: this.#segment.countedBytes,
      kinds: SEGMENT_KINDS,
      windowBytes: WINDOW_BYTES,
    })
    for (let reached = from - 1; reached < through; ) {
      const frame = await nextFrame(reader, path)
      if (frame.type !== 'frame')
        throw damaged(path, frame.offset, reached + 1, frame.type === 'end' ? 'it ends early' : frame.reason)
      this.#position = frame.end
      if (frame.kind !== KIND.batch || frame.skip) continue
      const fields = decodeBatch(frame.payload)
      if (fields === undefined)
        throw damaged(path, frame.offset, reached + 1, 'a batch with fields that cannot be')
      const lastSeq = fields.firstSeq + fields.count - 1
      if (lastSeq < from) continue
      if (fields.firstSeq > reached + 1)
        throw damaged(path, frame.offset, reached + 1, `sequence ${fields.firstSeq} follows ${reached}`)
      reached = lastSeq
      yield { ...fields, lastSeq, machineVersion: this.#header.machineVersion, codec: this.#header.codec }
    }
  }

  close(): Promise<void> {
    // Nothing hangs on how that ends: it was only read.
    return this.#file.close().catch(() => {})
  }
}

async function nextFrame(
  reader: FrameReader,
  path: string,
): Promise<Awaited<ReturnType<FrameReader['next']>>> {
  try {
    return await reader.next()
  } catch (cause) {
    throw ioError(cause, { doing: 'read the segment', path })
  }
}

/** A segment's name may change once, from the prepared one to its own, while it is looked for. */
export async function openSegment(
  environment: Environment,
  catalog: SegmentCatalog,
  segment: CatalogSegment,
  seq: number,
): Promise<File> {
  const own = joinPath(parentPath(segment.path), segmentName(segment.firstSeq, segment.id))
  let missing: unknown
  for (const path of [segment.path, own]) {
    try {
      return await environment.files.open(path, 'read')
    } catch (cause) {
      // Whatever it says: a file that goes away while somebody has it open is refused in other words on Windows.
      catalog.assertHolds(seq, own)
      if (errnoOf(cause) !== 'ENOENT') throw ioError(cause, { doing: 'open the segment', path })
      missing = cause
    }
  }
  throw ioError(missing, { doing: 'open the segment', path: own })
}

/** The sparse index from a footer. It only saves reading: without it the segment is read from its start. */
async function readIndex(file: File, segment: CatalogSegment): Promise<readonly IndexEntry[]> {
  const { footerOffset, bytes, countedBytes } = segment
  // A file that lost its footer and nothing that counts is no less whole.
  if (footerOffset === undefined || !isFrameStart(footerOffset, bytes)) return []
  const reader = new FrameReader(file, {
    seed: segment.salt,
    start: footerOffset,
    end: bytes,
    kinds: SEGMENT_KINDS,
    windowBytes: 4096,
  })
  const frame: Frame | { type: 'fault' | 'end' } = await reader.next()
  if (frame.type !== 'frame' || frame.kind !== KIND.footer) return []
  const index = decodeFooter(frame.payload)?.index ?? []
  // One that cannot be is no reason to refuse records that are sound.
  return index.every(({ offset }) => isFrameStart(offset, countedBytes)) ? index : []
}

/** Whether a frame behind the header may begin there. */
function isFrameStart(offset: number, end: number): boolean {
  return offset >= SEGMENT_HEADER_BYTES && offset < end && offset % FRAME_ALIGNMENT === 0
}

function positionFor(index: readonly IndexEntry[], seq: number): number {
  return index.findLast((entry) => entry.seq <= seq)?.offset ?? SEGMENT_HEADER_BYTES
}

function damaged(path: string, offset: number, seq: number, what: string): HoldfastError {
  return new HoldfastError('CORRUPT', `a segment that was whole cannot be read any more: ${what}`, {
    path,
    offset,
    seq,
  })
}
