import { errnoOf, GapError, HoldfastError, ioError, joinPath, type File } from '@holdfast/environment'
import { FORMAT_SEED, FrameDigest, FrameReader, type FrameEnd, type FrameFault } from '@holdfast/framing'
import type { LinkedSegment } from './chain.ts'
import { Refused, type Findings } from './findings.ts'
import { decodeFooter, decodeMark, KIND, SEGMENT_HEADER_BYTES, SEGMENT_KINDS } from './format.ts'
import { segmentName } from './segment-name.ts'
import type { Batch, Mark, ScanOptions } from './log.ts'
import type { Boundary } from './plan.ts'
import type { StoreDirectory } from './store-directory.ts'

/** One segment of the chain as a pass reads it, from its header on as far as frames count. */
export class SegmentFrames {
  readonly file: File
  readonly #segment: LinkedSegment
  readonly #findings: Findings
  readonly #digest: FrameDigest = new FrameDigest()
  /** Ends of batches from the last proven one on: one of them is where a successor will attach. */
  readonly boundaries: Boundary[] = []
  #offset = 0
  /** Where the first batch begins that was given. */
  #neededFrom: number | undefined
  /** Behind the last footer. */
  #footerEnd: number | undefined

  private constructor(file: File, segment: LinkedSegment, findings: Findings) {
    this.file = file
    this.#segment = segment
    this.#findings = findings
  }

  static async open(
    directory: StoreDirectory,
    segment: LinkedSegment,
    findings: Findings,
  ): Promise<SegmentFrames> {
    const { environment, walPath, writable } = directory
    // Beside a writer its name may change, once, from the prepared one to its own.
    const own = joinPath(walPath, segmentName(segment.firstSeq, segment.id))
    let missing: unknown
    for (const path of [segment.path, own]) {
      try {
        return new SegmentFrames(await environment.files.open(path, 'read'), segment, findings)
      } catch (cause) {
        if (errnoOf(cause) !== 'ENOENT') throw ioError(cause, { doing: 'open the segment', path })
        missing = cause
      }
    }
    if (!writable) {
      await directory.reload()
      const { trimmedThrough } = directory.manifest
      if (findings.expectedSeq <= trimmedThrough)
        throw new GapError(findings.expectedSeq, trimmedThrough + 1, { path: own })
    }
    throw ioError(missing, { doing: 'open the segment', path: own })
  }

  /** Behind the last frame that counts. */
  get offset(): number {
    return this.#offset
  }

  /** Where the last batch that was read ends; behind the header while there is none. */
  get end(): Boundary {
    return this.boundaries.at(-1) as Boundary
  }

  get neededFrom(): number | undefined {
    return this.#neededFrom
  }

  /** The last frame that counts is a footer: the file is cut right behind it. */
  get isEnded(): boolean {
    return this.#footerEnd === this.#offset
  }

  async readHeader(): Promise<void> {
    const reader = new FrameReader(this.file, {
      seed: FORMAT_SEED,
      start: 0,
      end: SEGMENT_HEADER_BYTES,
      kinds: SEGMENT_KINDS,
      windowBytes: SEGMENT_HEADER_BYTES,
    })
    const frame = await reader.next()
    const { path, firstSeq } = this.#segment
    if (frame.type !== 'frame')
      throw new Refused(this.#findings.corrupt(path, 0, 'the header changed while it was read'))
    this.#digest.add(frame.headerChecksum)
    this.#offset = SEGMENT_HEADER_BYTES
    this.boundaries.push({ seq: firstSeq - 1, offset: this.#offset, digest: this.#digest.value })
  }

  /** Reads on from where it got to, as far as frames count. Returns what stands there if that was not the end that was looked for. */
  async *read(
    last: boolean,
    { after, signal }: ScanOptions,
  ): AsyncGenerator<Batch | Mark, FrameFault | FrameEnd | undefined, undefined> {
    const { header, path, bytes, end: wanted } = this.#segment
    const findings = this.#findings
    const reader = new FrameReader(this.file, {
      seed: header.salt,
      start: this.#offset,
      end: last ? await this.file.size() : bytes,
      kinds: SEGMENT_KINDS,
    })
    while (last || this.end.seq !== wanted?.seq) {
      if (signal?.aborted)
        throw new HoldfastError('ABORTED', 'reading the log was aborted', { cause: signal.reason })
      const pending = reader.next()
      const frame = pending instanceof Promise ? await pending : pending
      if (frame.type !== 'frame') return frame
      this.#digest.add(frame.headerChecksum)
      this.#offset = frame.end
      if (frame.skip) continue
      if (frame.kind === KIND.batch) {
        const fields = findings.countBatch(frame.payload, this.#segment, frame.offset)
        const lastSeq = fields.firstSeq + fields.count - 1
        this.#forgetProven()
        this.boundaries.push({ seq: lastSeq, offset: frame.end, digest: this.#digest.value })
        if (lastSeq > after) {
          this.#neededFrom ??= frame.offset
          yield { ...fields, lastSeq, machineVersion: header.machineVersion, codec: header.codec }
        }
      } else if (frame.kind === KIND.mark) {
        const mark = decodeMark(frame.payload)
        if (mark === undefined)
          throw new Refused(findings.corrupt(path, frame.offset, 'a mark with fields that cannot be'))
        findings.prove(mark.durableSeq, `${path}: the mark at ${frame.offset}`)
        findings.plan.lastTime = Math.max(findings.plan.lastTime, mark.time)
        // One that stands before what is wanted speaks of what is not: its note was overtaken there.
        if (this.end.seq >= after) yield mark
      } else if (frame.kind === KIND.footer) {
        this.#checkFooter(frame.payload, frame.offset)
        this.#footerEnd = frame.end
      } else {
        throw new Refused(findings.corrupt(path, frame.offset, 'a second header'))
      }
    }
    return undefined
  }

  close(): Promise<void> {
    return this.file.close().catch(() => {})
  }

  #checkFooter(payload: Buffer, offset: number): void {
    const { path, firstSeq } = this.#segment
    const footer = decodeFooter(payload)
    const at = this.end
    if (
      footer === undefined ||
      footer.lastSeq !== at.seq ||
      footer.digest !== at.digest ||
      footer.count !== at.seq - firstSeq + 1
    ) {
      throw new Refused(this.#findings.corrupt(path, offset, 'the footer does not fit what stands before it'))
    }
    this.#findings.prove(footer.lastSeq, `${path}: its footer`)
  }

  /** Only the last of the boundaries that are proven is of use. */
  #forgetProven(): void {
    const { provenSeq } = this.#findings.plan
    const proven = this.boundaries.findLastIndex((boundary) => boundary.seq <= provenSeq)
    if (proven > 0) this.boundaries.splice(0, proven)
  }
}
