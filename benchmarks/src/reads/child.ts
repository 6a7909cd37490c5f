// A log or a store that is written to while it is read; or read once it is there.
import { answer } from '../answer.ts'
import { callers, latencyHistogram } from '../callers.ts'
import type { Figures } from '../part.ts'
import { READ_SUBJECTS, type ReadSubject } from './subject.ts'

export type ReadsInput = { readonly subject: keyof typeof READ_SUBJECTS } & (
  | { readonly task: 'follow'; readonly reads: boolean; readonly inFlight: number; readonly ms: number }
  | { readonly task: 'catch up'; readonly records: number }
)

const WARM_UP_SHARE = 0.4
/** The lag of every eighth record is taken. */
const SAMPLE_EVERY = 8
/** So many records at most: the moments of their acknowledgement are kept. */
const RECORDS_MAX = 8 * 1024 * 1024

await answer(async (input: ReadsInput, { directory }) => {
  const subject = await READ_SUBJECTS[input.subject](directory)
  const figures = await (input.task === 'follow' ? follow(subject, input) : catchUp(subject, input.records))
  await subject.close()
  return figures
})

async function follow(
  { write, follow: from }: ReadSubject,
  { reads, inFlight, ms }: { reads: boolean; inFlight: number; ms: number },
): Promise<Figures> {
  const acknowledgedAt = new Float64Array(RECORDS_MAX / SAMPLE_EVERY)
  const lag = latencyHistogram()
  const stop = new AbortController()
  let seen = 0
  const commit = async (index: number): Promise<void> => {
    const seq = await write(index)
    if (seq % SAMPLE_EVERY === 0) acknowledgedAt[seq / SAMPLE_EVERY] = performance.now()
  }
  const read = async (): Promise<void> => {
    for await (const { seq } of from(stop.signal)) {
      seen += 1
      if (seq % SAMPLE_EVERY !== 0) continue
      // It may be seen before its caller goes on.
      const at = acknowledgedAt[seq / SAMPLE_EVERY] || Infinity
      lag.record(Math.max(1, Math.round((performance.now() - at) * 1e6)))
    }
  }
  const reading = reads ? read().catch(unlessStopped(stop.signal)) : undefined
  const load = { inFlight, most: RECORDS_MAX / 2 }
  const warmUp = await callers({ commit }, { ...load, ms: ms * WARM_UP_SHARE, first: 0 })
  lag.reset()
  seen = 0
  const { acknowledged, ms: lasted } = await callers({ commit }, { ...load, ms, first: warmUp.next })
  const seenMeanwhile = seen
  stop.abort()
  await reading
  return {
    perSecond: (acknowledged / lasted) * 1000,
    ...(reads
      ? {
          readsPerSecond: (seenMeanwhile / lasted) * 1000,
          lagP50Us: lag.percentile(50) / 1000,
          lagP99Us: lag.percentile(99) / 1000,
        }
      : {}),
  }
}

async function catchUp({ fill, follow: from }: ReadSubject, records: number): Promise<Figures> {
  await fill(records)
  const stop = new AbortController()
  const started = performance.now()
  for await (const { seq } of from(stop.signal)) if (seq === records) break
  return { readsPerSecond: (records / (performance.now() - started)) * 1000 }
}

function unlessStopped(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error
  }
}
