/*
 * One verified pass over the log, in order, that changes nothing. What it decides:
 *
 *   in a segment that has a successor   everything up to the sequence that the successor names must be
 *                                       there, with the digest that it names; what is behind is void
 *   in the last segment                 behind the last readable frame there is
 *     nothing, or zeros                   the end of the log
 *     anything else                       a torn tail, set aside
 *   and if evidence says that a sequence
 *   past the last readable one was durable: damage, whatever the bytes look like
 *
 * Evidence is what could only be written after a sync had returned: the durable sequence in a batch or a
 * mark, a footer, a successor's header, the manifest, a published snapshot. A readable frame behind a torn
 * one is none: the disk may keep unsynced writes in any order. But what such a frame says was durable, was.
 *
 * Pebble came to the same after its replay had ended silently at damage in the middle (pebble#864): there,
 * too, each chunk says how far the log had been synced when it was written.
 */
import {
  errnoOf,
  GapError,
  HoldfastError,
  ioError,
  isHoldfastError,
  joinPath,
  type File,
} from '@holdfast/environment'
import {
  firstNonZero,
  FORMAT_SEED,
  FrameDigest,
  FrameReader,
  searchFrames,
  type FrameFault,
  type FrameEnd,
} from '@holdfast/framing'
import { readChain, type Chain, type ChainSegment } from './chain.ts'
import {
  decodeBatch,
  decodeFooter,
  decodeMark,
  KIND,
  SEGMENT_HEADER_BYTES,
  SEGMENT_KINDS,
  segmentName,
  unsupportedFormat,
  type BatchFields,
} from './format.ts'
import type { Batch, LogScan, Mark, ScanOptions } from './log.ts'
import type { Boundary, LogPlan } from './plan.ts'
import type { StoreDirectory } from './store-directory.ts'

/** A refusal on the way: becomes `plan.refusal`. */
class Refused extends Error {
  readonly error: HoldfastError
  constructor(error: HoldfastError) {
    super(error.message)
    this.error = error
  }
}

/** How often a reader beside a writer reads again, without the writer getting on, before it believes that something is wrong. */
const REREADS = 3

/** How far a segment has been read. */
interface Progress {
  readonly digest: FrameDigest
  /** Ends of batches from the last proven one on: one of them is where a successor will attach. */
  readonly boundaries: Boundary[]
  offset: number
}

export class SegmentScan implements LogScan {
  readonly plan: LogPlan
  readonly #directory: StoreDirectory
  readonly #options: ScanOptions
  #started = false
  #expectedSeq = 1

  constructor(directory: StoreDirectory, options: ScanOptions) {
    this.#directory = directory
    this.#options = options
    this.plan = {
      firstSeq: 1,
      lastSeq: 0,
      provenSeq: 0,
      provenBy: 'nothing',
      lastTime: 0,
      survivors: undefined,
      tail: undefined,
      segments: [],
      ignored: [],
      batches: 0,
      records: 0,
      bytesRead: 0,
      refusal: undefined,
      attach: undefined,
    }
    this.#prove(directory.manifest.trimmedThrough, 'the manifest: trimmed through')
    if (directory.manifest.clean)
      this.#prove(directory.manifest.clean.durableSeq, 'the manifest: closed cleanly')
    for (const evidence of options.evidence ?? []) this.#prove(evidence.seq, evidence.source)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch | Mark, void, undefined> {
    if (this.#started)
      throw new HoldfastError('INVALID_ARGUMENT', 'a scan is one pass: it can be iterated once')
    this.#started = true
    try {
      yield* this.#scan()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.plan.refusal = error.error
    }
    // Not before: it is later than most of what is read. Segments that were stepped over are no later than it.
    this.plan.lastTime = Math.max(this.plan.lastTime, this.#directory.manifest.lastTime ?? 0)
  }

  async *#scan(): AsyncGenerator<Batch | Mark, void, undefined> {
    const { walPath } = this.#directory
    const { after } = this.#options
    const chain = await this.#chain()
    const { manifest } = this.#directory
    this.plan.ignored = chain.ignored
    if (this.#directory.writable) this.#directory.reserveId(chain.highestId)
    if (chain.refusal) throw new Refused(chain.refusal)

    const first = chain.segments[0]
    this.plan.firstSeq = first?.firstSeq ?? manifest.trimmedThrough + 1
    this.plan.lastSeq = this.plan.firstSeq - 1
    if (this.plan.firstSeq > after + 1)
      throw new Refused(new GapError(after + 1, this.plan.firstSeq, { path: walPath }))
    this.#expectedSeq = this.plan.firstSeq

    for (const segment of chain.segments) {
      if (segment.lastSeq !== undefined)
        this.#prove(segment.lastSeq, `${segment.path}: its end, as the manifest or its successor names it`)
      const last = segment === chain.segments.at(-1)
      const skip =
        segment.header === undefined || (!last && segment.lastSeq !== undefined && segment.lastSeq <= after)
      if (skip) this.#stepOver(segment)
      else yield* this.#scanSegment(segment, last)
    }
    if (this.plan.provenSeq > this.plan.lastSeq) {
      throw new Refused(this.#lost(walPath, undefined, 'the log ends'))
    }
  }

  /**
   * A reader takes no lock, so a writer may rename, trim and begin segments between the manifest and the files
   * that it names. What does not fit is read again before it is believed.
   */
  async #chain(): Promise<Chain> {
    const directory = this.#directory
    for (let rereads = 0; ; rereads++) {
      const { environment, walPath, manifest } = directory
      const last = directory.writable || rereads === REREADS
      try {
        const chain = await readChain(environment, walPath, manifest, this.#options.after)
        if (chain.refusal === undefined || last) return chain
      } catch (error) {
        if (last || !isHoldfastError(error, 'IO_ERROR') || error.details?.['errno'] !== 'ENOENT') throw error
      }
      await directory.reload()
      // The writer got on: that explains it, and begins the count anew.
      if (directory.manifest.epoch !== manifest.epoch || directory.manifest.nextId !== manifest.nextId)
        rereads = 0
      this.#prove(directory.manifest.trimmedThrough, 'the manifest: trimmed through')
    }
  }

  /** A segment that a snapshot covers whole. */
  #stepOver(segment: ChainSegment): void {
    const lastSeq = segment.lastSeq ?? segment.firstSeq - 1
    this.plan.lastSeq = lastSeq
    this.#expectedSeq = lastSeq + 1
    const boundary: Boundary = { seq: lastSeq, offset: segment.bytes, digest: segment.digest ?? 0 }
    this.plan.attach = { segmentId: segment.id, boundary }
    this.#report(segment, boundary, false)
  }

  async *#scanSegment(segment: ChainSegment, last: boolean): AsyncGenerator<Batch | Mark, void, undefined> {
    const file = await this.#open(segment)
    try {
      const progress = await this.#begin(file, segment)
      for (let rereads = 0; ; rereads++) {
        const before = progress.offset
        const behind = yield* this.#frames(file, segment, last, progress)
        this.#conclude(segment, last, progress, behind)
        if (!last || behind === undefined) return
        // A reader beside a writer: bytes that were half-written a moment ago may be whole by now.
        if (progress.offset > before) rereads = 0
        const mayBeUnderWay = !this.#directory.writable && rereads < REREADS
        const refusal = await this.#judgeTail(file, segment, behind)
        if (refusal === undefined) return
        if (!mayBeUnderWay) throw new Refused(refusal)
      }
    } catch (cause) {
      if (cause instanceof Refused) throw cause
      throw ioError(cause, { doing: 'read the segment', path: segment.path })
    } finally {
      await file.close().catch(() => {})
    }
  }

  async #open(segment: ChainSegment): Promise<File> {
    const { environment, walPath, writable } = this.#directory
    // Beside a writer its name may change, once, from the prepared one to its own.
    const own = joinPath(walPath, segmentName(segment.firstSeq, segment.id))
    for (const path of writable || segment.path === own ? [segment.path] : [segment.path, own]) {
      try {
        return await environment.files.open(path, 'read')
      } catch (cause) {
        if (writable || errnoOf(cause) !== 'ENOENT')
          throw ioError(cause, { doing: 'open the segment', path: segment.path })
      }
    }
    throw new GapError(this.#expectedSeq, (segment.lastSeq ?? segment.firstSeq) + 1, {
      path: segment.path,
      hint: 'The segment was trimmed while the log was being read.',
    })
  }

  async #begin(file: File, segment: ChainSegment): Promise<Progress> {
    const reader = new FrameReader(file, {
      seed: FORMAT_SEED,
      start: 0,
      end: SEGMENT_HEADER_BYTES,
      kinds: SEGMENT_KINDS,
      windowBytes: SEGMENT_HEADER_BYTES,
    })
    const frame = await reader.next()
    if (frame.type !== 'frame')
      throw new Refused(this.#corrupt(segment.path, 0, 'the header changed while it was read'))
    const digest = new FrameDigest()
    digest.add(frame.headerChecksum)
    const start = { seq: segment.firstSeq - 1, offset: SEGMENT_HEADER_BYTES, digest: digest.value }
    return { digest, boundaries: [start], offset: SEGMENT_HEADER_BYTES }
  }

  /** Reads on from where it got to, as far as frames count. Returns what stands there if that was not the end that was looked for. */
  async *#frames(
    file: File,
    segment: ChainSegment,
    last: boolean,
    progress: Progress,
  ): AsyncGenerator<Batch | Mark, FrameFault | FrameEnd | undefined, undefined> {
    const { header } = segment
    if (header === undefined) throw new Error('a segment without a header is stepped over')
    const reader = new FrameReader(file, {
      seed: header.salt,
      start: progress.offset,
      end: last ? await file.size() : segment.bytes,
      kinds: SEGMENT_KINDS,
    })
    const { after, signal } = this.#options
    while (last || endOf(progress).seq !== segment.lastSeq) {
      if (signal?.aborted)
        throw new HoldfastError('ABORTED', 'reading the log was aborted', { cause: signal.reason })
      const pending = reader.next()
      const frame = pending instanceof Promise ? await pending : pending
      if (frame.type !== 'frame') return frame
      progress.digest.add(frame.headerChecksum)
      progress.offset = frame.end
      if (frame.skip) continue
      if (frame.kind === KIND.batch) {
        const fields = this.#checkBatch(frame.payload, segment, frame.offset)
        const lastSeq = fields.firstSeq + fields.count - 1
        this.#prove(fields.durableSeq, `${segment.path}: the batch of sequence ${fields.firstSeq}`)
        this.#forgetProven(progress)
        progress.boundaries.push({ seq: lastSeq, offset: frame.end, digest: progress.digest.value })
        if (lastSeq > after) {
          yield {
            ...fields,
            lastSeq,
            machineVersion: header.machineVersion,
            codec: header.codec,
          }
        }
      } else if (frame.kind === KIND.mark) {
        const mark = decodeMark(frame.payload)
        if (mark === undefined)
          throw new Refused(this.#corrupt(segment.path, frame.offset, 'a mark with fields that cannot be'))
        this.#prove(mark.durableSeq, `${segment.path}: the mark at ${frame.offset}`)
        this.plan.lastTime = Math.max(this.plan.lastTime, mark.time)
        yield mark
      } else if (frame.kind === KIND.footer) {
        const footer = decodeFooter(frame.payload)
        const at = endOf(progress)
        if (
          footer === undefined ||
          footer.lastSeq !== at.seq ||
          footer.digest !== at.digest ||
          footer.count !== at.seq - segment.firstSeq + 1
        ) {
          throw new Refused(
            this.#corrupt(segment.path, frame.offset, 'the footer does not fit what stands before it'),
          )
        }
        this.#prove(footer.lastSeq, `${segment.path}: its footer`)
      } else {
        throw new Refused(this.#corrupt(segment.path, frame.offset, 'a second header'))
      }
    }
    return undefined
  }

  /** Only the last of the boundaries that are proven is of use. */
  #forgetProven({ boundaries }: Progress): void {
    const proven = boundaries.findLastIndex((boundary) => boundary.seq <= this.plan.provenSeq)
    if (proven > 0) boundaries.splice(0, proven)
  }

  /** A segment was read to its end: does it hold what its successor and the manifest say? */
  #conclude(
    segment: ChainSegment,
    last: boolean,
    progress: Progress,
    behind: FrameFault | FrameEnd | undefined,
  ): void {
    const end = endOf(progress)
    this.plan.lastSeq = end.seq
    this.#report(segment, end, true)
    const ends = end.seq === segment.lastSeq
    const digestDiffers = ends && segment.digest !== undefined && end.digest !== segment.digest
    if (digestDiffers || (!last && !ends)) throw new Refused(this.#endsWrong(segment, end, behind))
    if (last) this.#setAttach(segment, progress.boundaries, end)
  }

  #checkBatch(payload: Buffer, segment: ChainSegment, offset: number): BatchFields {
    const fields = decodeBatch(payload)
    const wrong =
      fields === undefined
        ? 'a batch with fields that cannot be'
        : fields.firstSeq !== this.#expectedSeq
          ? `a batch of sequence ${fields.firstSeq} where ${this.#expectedSeq} belongs`
          : fields.time < this.plan.lastTime
            ? 'a batch that is older than the one before it'
            : undefined
    if (fields === undefined || wrong !== undefined)
      throw new Refused(this.#corrupt(segment.path, offset, wrong ?? 'a malformed batch'))
    this.plan.batches += 1
    this.plan.records += fields.count
    this.plan.lastTime = fields.time
    this.#expectedSeq = fields.firstSeq + fields.count
    return fields
  }

  /** What follows the last proven boundary is readable, which is not durable: it will be written again. */
  #setAttach(segment: ChainSegment, boundaries: Boundary[], end: Boundary): void {
    const proven = boundaries.findLast((boundary) => boundary.seq <= this.plan.provenSeq) ?? end
    this.plan.attach = { segmentId: segment.id, boundary: proven }
    if (end.seq > proven.seq) {
      this.plan.survivors = { firstSeq: proven.seq + 1, lastSeq: end.seq, bytes: end.offset - proven.offset }
    }
  }

  /** Looks behind the last readable frame of the log: the end, a torn tail, or damage, which is returned. */
  async #judgeTail(
    file: File,
    segment: ChainSegment,
    end: FrameFault | FrameEnd,
  ): Promise<HoldfastError | undefined> {
    const { path } = segment
    const size = await file.size()
    if (end.type === 'fault') {
      if (end.newerVersion !== undefined) return unsupportedFormat(path, end.newerVersion)
      if (end.reason === 'kind' || end.reason === 'flags') return unknownFrame(path, end.offset)
      if (end.reason === 'padding' || end.reason === 'length') {
        return this.#corrupt(path, end.offset, `a frame with sound checksums and a wrong ${end.reason}`)
      }
    }
    const firstByte = await firstNonZero(file, end.offset, size)
    if (firstByte !== undefined) {
      const search = { seed: segment.salt, start: end.offset, end: size, kinds: SEGMENT_KINDS }
      for await (const found of searchFrames(file, search)) {
        if (found.type === 'gave-up') {
          return this.#corrupt(
            path,
            found.offset,
            'the bytes behind the last readable frame cannot be searched within bounds',
          )
        }
        this.#proveFrom(found.kind, found.payload, `${path}: a frame at ${found.offset}, behind the damage`)
      }
    }
    if (this.plan.provenSeq > this.plan.lastSeq) {
      const how = end.type === 'end' ? 'the file ends' : `the next frame is damaged (${end.reason})`
      return this.#lost(path, end.offset, how)
    }
    if (firstByte !== undefined && end.type === 'fault') {
      this.plan.tail = { path, offset: end.offset, bytes: size - end.offset, reason: end.reason }
    }
    return undefined
  }

  #proveFrom(kind: number, payload: Buffer, source: string): void {
    if (kind === KIND.batch) this.#prove(decodeBatch(payload)?.durableSeq ?? 0, source)
    if (kind === KIND.mark) this.#prove(decodeMark(payload)?.durableSeq ?? 0, source)
    if (kind === KIND.footer) this.#prove(decodeFooter(payload)?.lastSeq ?? 0, source)
  }

  #prove(seq: number, by: string): void {
    if (seq <= this.plan.provenSeq) return
    this.plan.provenSeq = seq
    this.plan.provenBy = by
  }

  #report(segment: ChainSegment, end: Boundary, read: boolean): void {
    const { path, id, salt, firstSeq, bytes } = segment
    if (this.plan.segments.at(-1)?.id === id) this.plan.segments.pop()
    else if (read) this.plan.bytesRead += end.offset
    this.plan.segments.push({
      path,
      id,
      salt,
      firstSeq,
      lastSeq: end.seq,
      digest: end.digest,
      bytes,
      countedBytes: end.offset,
      read,
    })
  }

  #corrupt(path: string, offset: number | undefined, what: string): HoldfastError {
    return new HoldfastError('CORRUPT', what, {
      path,
      offset,
      seq: this.#expectedSeq,
      details: {
        lastReadableSeq: this.plan.lastSeq,
        provenSeq: this.plan.provenSeq,
        provenBy: this.plan.provenBy,
      },
    })
  }

  #lost(path: string, offset: number | undefined, how: string): HoldfastError {
    const { provenSeq, provenBy, lastSeq } = this.plan
    return this.#corrupt(
      path,
      offset,
      `${how} after sequence ${lastSeq}, and sequence ${provenSeq} was durable (${provenBy})`,
    )
  }

  #endsWrong(segment: ChainSegment, end: Boundary, result: FrameFault | FrameEnd | undefined): HoldfastError {
    if (result?.type === 'fault') {
      if (result.newerVersion !== undefined) return unsupportedFormat(segment.path, result.newerVersion)
      if (result.reason === 'kind' || result.reason === 'flags')
        return unknownFrame(segment.path, result.offset)
    }
    const what =
      end.seq === segment.lastSeq
        ? `the frames up to sequence ${end.seq} are not those that its successor saw: their digest differs`
        : `it must hold everything up to sequence ${segment.lastSeq}, and ${result === undefined ? 'has no frame that ends there' : result.type === 'end' ? 'it ends' : `the next frame is damaged (${result.reason})`} after ${end.seq}`
    return this.#corrupt(segment.path, result?.offset ?? end.offset, what)
  }
}

function endOf({ boundaries }: Progress): Boundary {
  return boundaries.at(-1) as Boundary
}

function unknownFrame(path: string, offset: number): HoldfastError {
  return new HoldfastError('UNSUPPORTED_FORMAT', 'a sound frame that this code does not know', {
    path,
    offset,
  })
}
