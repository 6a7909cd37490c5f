import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** What is put under load. */
export interface Target {
  /** Resolves with the acknowledgement of the command of that number. */
  commit(index: number): Promise<unknown>
  /** Behind a call that was refused for want of room: resolves when there is some. Throws any other error. */
  relieve?(error: unknown): Promise<void>
}

/** So many callers, each of which waits for its acknowledgement before it issues the next command. */
export interface Load {
  readonly inFlight: number
  /** They stop after this time, and what is under way is waited for. */
  readonly ms: number
  /** Or once so many have been issued. */
  readonly most: number
  /** Or when this aborts. */
  readonly signal?: AbortSignal
  /** The number of the first command; each has its own. */
  readonly first: number
}

/** What came of a load. */
export interface Loaded {
  /** The number of the first command that was not issued. */
  readonly next: number
  readonly acknowledged: number
  readonly ms: number
  /** Nanoseconds from a call to the moment at which its caller goes on. */
  readonly latency: RecordableHistogram
}

/** With so many callers only every eighth command is timed: two looks at the clock would cost as much as the rest of a caller. */
const SAMPLED_FROM = 256
const SAMPLE_EVERY = 8

/** Puts a target under load. The first error ends it. */
export async function callers(target: Target, { inFlight, ms, most, signal, first }: Load): Promise<Loaded> {
  const latency = latencyHistogram()
  const every = inFlight < SAMPLED_FROM ? 1 : SAMPLE_EVERY
  const started = performance.now()
  const deadline = started + ms
  let next = first
  let last = first + most - 1
  let acknowledged = 0

  async function caller(): Promise<void> {
    while (next <= last) {
      const index = next++
      const timed = index % every === 0
      const calledAt = timed ? performance.now() : 0
      try {
        await target.commit(index)
      } catch (error) {
        await insist(target, index, error)
      }
      acknowledged += 1
      if (!timed) continue
      const now = performance.now()
      latency.record(Math.max(1, Math.round((now - calledAt) * 1e6)))
      if (now >= deadline || signal?.aborted) last = 0
    }
  }
  try {
    await Promise.all(Array.from({ length: inFlight }, caller))
  } finally {
    last = 0
  }
  return { next, acknowledged, ms: performance.now() - started, latency }
}

/** Up to a minute, in three digits. */
export function latencyHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 60e9, figures: 3 })
}

async function insist(target: Target, index: number, refusal: unknown): Promise<void> {
  for (let error = refusal; ; ) {
    if (target.relieve === undefined) throw error
    await target.relieve(error)
    try {
      await target.commit(index)
      return
    } catch (again) {
      error = again
    }
  }
}
