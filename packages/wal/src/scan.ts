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
import { GapError, HoldfastError, ioError, type File } from '@holdfast/environment'
import {
  firstNonZero,
  FORMAT_SEED,
  FrameDigest,
  FrameReader,
  searchFrames,
  type FrameFault,
  type FrameEnd,
} from '@holdfast/framing'
import { readChain, type ChainSegment } from './chain.ts'
import {
  decodeBatch,
  decodeFooter,
  decodeMark,
  KIND,
  SEGMENT_HEADER_BYTES,
  SEGMENT_KINDS,
  unsupportedFormat,
  type BatchFields,
} from './format.ts'
import type { Batch, LogScan, Mark, ScanOptions } from './log.ts'
import type { Boundary, LogPlan } from './plan.ts'
import type { StoreDirectory } from './store-directory.ts'

/** A refusal on the way: becomes `plan.refusal`. */
class Refused {
  readonly error: HoldfastError
  constructor(error: HoldfastError) {
    this.error = error
  }
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
  }

  async *#scan(): AsyncGenerator<Batch | Mark, void, undefined> {
    const { environment, walPath, manifest } = this.#directory
    const { after } = this.#options
    const chain = await readChain(environment, walPath, manifest, after)
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
    const file = await this.#directory.environment.files
      .open(segment.path, 'read')
      .catch((cause: unknown) => {
        throw ioError(cause, { doing: 'open the segment', path: segment.path })
      })
    try {
      const end = yield* this.#frames(file, segment, last)
      if (last && end !== undefined) await this.#judgeTail(file, segment, end)
    } catch (cause) {
      if (cause instanceof Refused) throw cause
      throw ioError(cause, { doing: 'read the segment', path: segment.path })
    } finally {
      await file.close().catch(() => {})
    }
  }

  /** Reads frames as far as they count. Returns what stands behind the last readable one in the last segment. */
  async *#frames(
    file: File,
    segment: ChainSegment,
    last: boolean,
  ): AsyncGenerator<Batch | Mark, FrameFault | FrameEnd | undefined, undefined> {
    const header = segment.header
    if (header === undefined) throw new Error('a segment without a header is stepped over')
    const reader = new FrameReader(file, {
      seed: FORMAT_SEED,
      start: 0,
      end: last ? await file.size() : segment.bytes,
      kinds: SEGMENT_KINDS,
    })
    const headerFrame = await reader.next()
    if (headerFrame.type !== 'frame')
      throw new Refused(this.#corrupt(segment.path, 0, 'the header changed while it was read'))
    const digest = new FrameDigest()
    digest.add(headerFrame.headerChecksum)
    reader.setSeed(header.salt)

    const { after, signal } = this.#options
    /** Frame boundaries from the last proven one on: one of them is where a successor will attach. */
    let boundaries: Boundary[] = [
      { seq: segment.firstSeq - 1, offset: SEGMENT_HEADER_BYTES, digest: digest.value },
    ]
    const endOf = (): Boundary => boundaries.at(-1) as Boundary
    const complete = (): boolean => !last && endOf().seq === segment.lastSeq
    let result: FrameFault | FrameEnd | undefined
    while (!complete()) {
      if (signal?.aborted)
        throw new HoldfastError('ABORTED', 'reading the log was aborted', { cause: signal.reason })
      const pending = reader.next()
      const frame = pending instanceof Promise ? await pending : pending
      if (frame.type !== 'frame') {
        result = frame
        break
      }
      digest.add(frame.headerChecksum)
      if (frame.skip) continue
      if (frame.kind === KIND.batch) {
        const fields = this.#checkBatch(frame.payload, segment, frame.offset)
        const lastSeq = fields.firstSeq + fields.count - 1
        this.#prove(fields.durableSeq, `${segment.path}: the batch of sequence ${fields.firstSeq}`)
        const proven = this.plan.provenSeq
        if (boundaries.length > 1 && (boundaries[1] as Boundary).seq <= proven) {
          boundaries = boundaries.filter(
            (boundary, i) => boundary.seq >= proven || (boundaries[i + 1]?.seq ?? Infinity) > proven,
          )
        }
        boundaries.push({ seq: lastSeq, offset: frame.end, digest: digest.value })
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
        const at = endOf()
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
    const end = endOf()
    this.plan.lastSeq = end.seq
    this.#report(segment, end, true)
    if (!last && (!complete() || end.digest !== segment.digest)) {
      throw new Refused(this.#endsWrong(segment, end, result))
    }
    if (
      last &&
      segment.lastSeq === end.seq &&
      segment.digest !== undefined &&
      end.digest !== segment.digest
    ) {
      throw new Refused(this.#endsWrong(segment, end, undefined))
    }
    if (last) this.#setAttach(segment, boundaries, end)
    return result
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
    const proven =
      boundaries.findLast((boundary) => boundary.seq <= this.plan.provenSeq) ?? (boundaries[0] as Boundary)
    this.plan.attach = { segmentId: segment.id, boundary: proven }
    if (end.seq > proven.seq) {
      this.plan.survivors = { firstSeq: proven.seq + 1, lastSeq: end.seq, bytes: end.offset - proven.offset }
    }
  }

  /** Looks behind the last readable frame of the log: the end, a torn tail, or damage. */
  async #judgeTail(file: File, segment: ChainSegment, end: FrameFault | FrameEnd): Promise<void> {
    const { path } = segment
    const salt = segment.header?.salt ?? 0
    const size = await file.size()
    if (end.type === 'fault') {
      if (end.newerVersion !== undefined) throw new Refused(unsupportedFormat(path, end.newerVersion))
      if (end.reason === 'kind' || end.reason === 'flags') {
        throw new Refused(
          new HoldfastError(
            'UNSUPPORTED_FORMAT',
            `a sound frame of a ${end.reason === 'kind' ? 'kind' : 'form'} that this code does not know`,
            { path, offset: end.offset },
          ),
        )
      }
      if (end.reason === 'padding' || end.reason === 'length') {
        throw new Refused(
          this.#corrupt(path, end.offset, `a frame with sound checksums and a wrong ${end.reason}`),
        )
      }
    }
    const firstByte = await firstNonZero(file, end.offset, size)
    if (firstByte !== undefined) {
      for await (const found of searchFrames(file, {
        seed: salt,
        start: end.offset,
        end: size,
        kinds: SEGMENT_KINDS,
      })) {
        if (found.type === 'gave-up') {
          throw new Refused(
            this.#corrupt(
              path,
              found.offset,
              'the bytes behind the last readable frame cannot be searched within bounds',
            ),
          )
        }
        this.#proveFrom(found.kind, found.payload, `${path}: a frame at ${found.offset}, behind the damage`)
      }
    }
    if (this.plan.provenSeq > this.plan.lastSeq) {
      throw new Refused(
        this.#lost(
          path,
          end.offset,
          end.type === 'end' ? 'the file ends' : `the next frame is damaged (${end.reason})`,
        ),
      )
    }
    if (firstByte !== undefined && end.type === 'fault') {
      this.plan.tail = { path, offset: end.offset, bytes: size - end.offset, reason: end.reason }
    }
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
    if (read) this.plan.bytesRead += end.offset
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
    if (
      result?.type === 'fault' &&
      (result.newerVersion !== undefined || result.reason === 'kind' || result.reason === 'flags')
    ) {
      return new HoldfastError('UNSUPPORTED_FORMAT', 'a sound frame that this code does not know', {
        path: segment.path,
        offset: result.offset,
      })
    }
    const what =
      end.seq === segment.lastSeq
        ? `the frames up to sequence ${end.seq} are not those that its successor saw: their digest differs`
        : `it must hold everything up to sequence ${segment.lastSeq}, and ${result === undefined ? 'has no frame that ends there' : result.type === 'end' ? 'it ends' : `the next frame is damaged (${result.reason})`} after ${end.seq}`
    return this.#corrupt(segment.path, result?.offset ?? end.offset, what)
  }
}
