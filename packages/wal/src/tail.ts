import { HoldfastError } from '@holdfast/environment'
import { firstNonZero, searchFrames, type FrameEnd, type FrameFault } from '@holdfast/framing'
import type { LinkedSegment } from './chain.ts'
import type { Findings } from './findings.ts'
import { SEGMENT_KINDS, unsupportedFormat } from './format.ts'
import type { SegmentFrames } from './segment-frames.ts'

/** Looks behind the last readable frame of the log: the end, a torn tail, or damage, which is returned. */
export async function judgeTail(
  { file, isEnded }: SegmentFrames,
  segment: LinkedSegment,
  end: FrameFault | FrameEnd,
  findings: Findings,
): Promise<HoldfastError | undefined> {
  const { path } = segment
  const { plan } = findings
  const size = await file.size()
  if (end.type === 'fault') {
    const later = ofLaterWriter(path, end)
    if (later !== undefined) return later
    if (end.reason === 'padding' || end.reason === 'length') {
      return findings.corrupt(path, end.offset, `a frame with sound checksums and a wrong ${end.reason}`)
    }
  }
  const firstByte = await firstNonZero(file, end.offset, size)
  if (firstByte !== undefined) {
    const search = { seed: segment.salt, start: end.offset, end: size, kinds: SEGMENT_KINDS }
    for await (const found of searchFrames(file, search)) {
      if (found.type === 'gave-up') {
        return findings.corrupt(
          path,
          found.offset,
          'the bytes behind the last readable frame cannot be searched within bounds',
        )
      }
      findings.proveFrom(found.kind, found.payload, `${path}: a frame at ${found.offset}, behind the damage`)
    }
  }
  if (plan.provenSeq > plan.lastSeq) {
    const how = end.type === 'end' ? 'the file ends' : `the next frame is damaged (${end.reason})`
    return findings.lost(path, end.offset, how)
  }
  // Its space was taken, durably, before anything was written to it, and only a footer gives it back.
  if (segment.leastBytes !== undefined && size < segment.leastBytes && !(isEnded && end.type === 'end')) {
    return findings.corrupt(
      path,
      size,
      `the file has ${size} bytes, it had ${segment.leastBytes} when it was first used, and no footer ends it`,
    )
  }
  if (firstByte !== undefined && end.type === 'fault') {
    plan.tail = { path, offset: end.offset, bytes: size - end.offset, reason: end.reason }
  }
  return undefined
}

/** What is no damage: a sound frame that only a later version of this code can have written. */
export function ofLaterWriter(path: string, fault: FrameFault): HoldfastError | undefined {
  if (fault.newerVersion !== undefined) return unsupportedFormat(path, fault.newerVersion)
  if (fault.reason !== 'kind' && fault.reason !== 'flags') return undefined
  return new HoldfastError('UNSUPPORTED_FORMAT', 'a sound frame that this code does not know', {
    path,
    offset: fault.offset,
  })
}
