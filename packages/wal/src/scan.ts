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
import { GapError, HoldfastError, ioError, isHoldfastError } from '@holdfast/environment'
import type { FrameEnd, FrameFault } from '@holdfast/framing'
import { readChain, type Chain, type ChainSegment, type LinkedSegment } from './chain.ts'
import { Findings, Refused } from './findings.ts'
import type { Batch, LogScan, Mark, ScanOptions } from './log.ts'
import type { Boundary, LogPlan, SegmentEnd } from './plan.ts'
import { SegmentFrames } from './segment-frames.ts'
import type { StoreDirectory } from './store-directory.ts'
import { judgeTail, ofLaterWriter } from './tail.ts'

/** How often a reader beside a writer reads again, without the writer getting on, before it believes that something is wrong. */
const REREADS = 3

export class SegmentScan implements LogScan {
  readonly #directory: StoreDirectory
  readonly #options: ScanOptions
  readonly #findings: Findings = new Findings()
  #started = false

  constructor(directory: StoreDirectory, options: ScanOptions) {
    this.#directory = directory
    this.#options = options
    const { trimmedThrough, clean } = directory.manifest
    this.#findings.prove(trimmedThrough, 'the manifest: trimmed through')
    if (clean) this.#findings.prove(clean.durableSeq, 'the manifest: closed cleanly')
    for (const evidence of options.evidence ?? []) this.#findings.prove(evidence.seq, evidence.source)
  }

  get plan(): LogPlan {
    return this.#findings.plan
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
    const findings = this.#findings
    const { plan } = findings
    const chain = await this.#chain()
    const { manifest } = this.#directory
    plan.ignored = chain.ignored
    if (this.#directory.writable) this.#directory.reserveId(chain.highestId)
    if (chain.refusal) throw new Refused(chain.refusal)

    const first = chain.segments[0]
    plan.firstSeq = first?.firstSeq ?? manifest.trimmedThrough + 1
    plan.lastSeq = plan.firstSeq - 1
    if (plan.firstSeq > after + 1)
      throw new Refused(new GapError(after + 1, plan.firstSeq, { path: walPath }))
    findings.expectedSeq = plan.firstSeq

    for (const segment of chain.segments) {
      const { end } = segment
      if (end !== undefined)
        findings.prove(end.seq, `${segment.path}: its end, as the manifest or its successor names it`)
      const last = segment === chain.segments.at(-1)
      if (segment.header === undefined) this.#stepOver(segment, segment.end)
      else if (end !== undefined && end.seq <= after && !last) this.#stepOver(segment, end)
      else yield* this.#scanSegment(segment, last)
    }
    if (plan.provenSeq > plan.lastSeq) {
      throw new Refused(findings.lost(walPath, undefined, 'the log ends'))
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
      this.#findings.prove(directory.manifest.trimmedThrough, 'the manifest: trimmed through')
    }
  }

  /** A segment that a snapshot covers whole. */
  #stepOver(segment: ChainSegment, end: SegmentEnd): void {
    const boundary: Boundary = { ...end, offset: segment.bytes }
    this.#findings.expectedSeq = end.seq + 1
    this.#findings.report(segment, boundary, false)
    this.plan.attach = { segmentId: segment.id, boundary }
  }

  async *#scanSegment(segment: LinkedSegment, last: boolean): AsyncGenerator<Batch | Mark, void, undefined> {
    const frames = await SegmentFrames.open(this.#directory, segment, this.#findings)
    try {
      await frames.readHeader()
      for (let rereads = 0; ; rereads++) {
        const before = frames.offset
        const behind = yield* frames.read(last, this.#options)
        this.#conclude(segment, last, frames, behind)
        if (!last || behind === undefined) return
        // A reader beside a writer: bytes that were half-written a moment ago may be whole by now.
        if (frames.offset > before) rereads = 0
        const mayBeUnderWay = !this.#directory.writable && rereads < REREADS
        const refusal = await judgeTail(frames, segment, behind, this.#findings)
        if (refusal === undefined) return
        if (!mayBeUnderWay) throw new Refused(refusal)
      }
    } catch (cause) {
      if (cause instanceof Refused) throw cause
      throw ioError(cause, { doing: 'read the segment', path: segment.path })
    } finally {
      await frames.close()
    }
  }

  /** A segment was read to its end: does it hold what its successor and the manifest say? */
  #conclude(
    segment: LinkedSegment,
    last: boolean,
    { boundaries, end, neededFrom }: SegmentFrames,
    behind: FrameFault | FrameEnd | undefined,
  ): void {
    this.#findings.report(segment, end, true, segment.firstSeq > this.#options.after ? 0 : neededFrom)
    const wanted = segment.end
    const ends = end.seq === wanted?.seq
    if (ends ? end.digest !== wanted.digest : !last) throw new Refused(this.#endsWrong(segment, end, behind))
    if (last) this.#setAttach(segment, boundaries, end)
  }

  /** What follows the last proven boundary is readable, which is not durable: it will be written again. */
  #setAttach(segment: ChainSegment, boundaries: readonly Boundary[], end: Boundary): void {
    // The first of them stands behind a sequence that is proven: by the segment before, or since it was trimmed.
    const proven = boundaries.findLast((boundary) => boundary.seq <= this.plan.provenSeq) as Boundary
    this.plan.attach = { segmentId: segment.id, boundary: proven }
    if (end.seq > proven.seq) {
      this.plan.survivors = { firstSeq: proven.seq + 1, lastSeq: end.seq, bytes: end.offset - proven.offset }
    }
  }

  #endsWrong(
    { path, end: wanted }: LinkedSegment,
    end: Boundary,
    behind: FrameFault | FrameEnd | undefined,
  ): HoldfastError {
    const fault = behind?.type === 'fault' ? behind : undefined
    const later = fault && ofLaterWriter(path, fault)
    if (later !== undefined) return later
    const how = fault === undefined ? 'it ends' : `the next frame is damaged (${fault.reason})`
    const what =
      end.seq === wanted?.seq
        ? `the frames up to sequence ${end.seq} are not those that its successor saw: their digest differs`
        : `it must hold everything up to sequence ${wanted?.seq}, and ${how} after ${end.seq}`
    return this.#findings.corrupt(path, behind?.offset ?? end.offset, what)
  }
}
