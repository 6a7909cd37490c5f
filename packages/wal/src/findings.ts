import { HoldfastError } from '@holdfast/environment'
import type { ChainSegment } from './chain.ts'
import { decodeBatch, decodeFooter, decodeMark, KIND, type BatchFields } from './format.ts'
import type { Boundary, LogPlan } from './plan.ts'

/** A refusal on the way: becomes `plan.refusal`. */
export class Refused extends Error {
  readonly error: HoldfastError
  constructor(error: HoldfastError) {
    super(error.message)
    this.error = error
  }
}

/** What a pass over the log has found so far: the plan, how far sequences are proven, and which comes next. */
export class Findings {
  readonly plan: LogPlan = {
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
  expectedSeq = 1

  /** Evidence that everything up to `seq` was durable. */
  prove(seq: number, by: string): void {
    if (seq <= this.plan.provenSeq) return
    this.plan.provenSeq = seq
    this.plan.provenBy = by
  }

  /** What a sound frame says, wherever it stands. */
  proveFrom(kind: number, payload: Buffer, source: string): void {
    if (kind === KIND.batch) this.prove(decodeBatch(payload)?.durableSeq ?? 0, source)
    if (kind === KIND.mark) this.prove(decodeMark(payload)?.durableSeq ?? 0, source)
    if (kind === KIND.footer) this.prove(decodeFooter(payload)?.lastSeq ?? 0, source)
  }

  /** The next batch, checked against what stands before it. */
  countBatch(payload: Buffer, { path }: ChainSegment, offset: number): BatchFields {
    const refused = (what: string): Refused => new Refused(this.corrupt(path, offset, what))
    const fields = decodeBatch(payload)
    if (fields === undefined) throw refused('a batch with fields that cannot be')
    if (fields.firstSeq !== this.expectedSeq)
      throw refused(`a batch of sequence ${fields.firstSeq} where ${this.expectedSeq} belongs`)
    if (fields.time < this.plan.lastTime) throw refused('a batch that is older than the one before it')
    this.plan.batches += 1
    this.plan.records += fields.count
    this.plan.lastTime = fields.time
    this.expectedSeq = fields.firstSeq + fields.count
    this.prove(fields.durableSeq, `${path}: the batch of sequence ${fields.firstSeq}`)
    return fields
  }

  /** A segment counts up to `end`. Said again of a segment that was read on, it takes the place of what was said. */
  report(segment: ChainSegment, end: Boundary, read: boolean, neededFrom: number = segment.bytes): void {
    const { path, id, salt, firstSeq, bytes } = segment
    if (this.plan.segments.at(-1)?.id === id) this.plan.segments.pop()
    else if (read) this.plan.bytesRead += end.offset
    this.plan.lastSeq = end.seq
    this.plan.segments.push({
      path,
      id,
      salt,
      firstSeq,
      lastSeq: end.seq,
      digest: end.digest,
      bytes,
      countedBytes: end.offset,
      neededFrom,
      read,
    })
  }

  corrupt(path: string, offset: number | undefined, what: string): HoldfastError {
    return new HoldfastError('CORRUPT', what, {
      path,
      offset,
      seq: this.expectedSeq,
      details: {
        lastReadableSeq: this.plan.lastSeq,
        provenSeq: this.plan.provenSeq,
        provenBy: this.plan.provenBy,
      },
    })
  }

  /** Less can be read than was durable. */
  lost(path: string, offset: number | undefined, how: string): HoldfastError {
    const { provenSeq, provenBy, lastSeq } = this.plan
    return this.corrupt(
      path,
      offset,
      `${how} after sequence ${lastSeq}, and sequence ${provenSeq} was durable (${provenBy})`,
    )
  }
}
