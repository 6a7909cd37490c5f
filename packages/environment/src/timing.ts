import { channel } from 'node:diagnostics_channel'
import type { Clock } from './environment.ts'

/** What is timed. The channel is called `holdfast:` and this. */
export type TimingName = 'commit' | 'sync' | 'snapshot' | 'recovery'

/** What a subscriber of a channel gets. */
export interface TimingMessage {
  /** How long it took, in milliseconds with fractions. */
  readonly ms: number
  /** What else is known about it: counts, bytes, a path. */
  readonly [fact: string]: unknown
}

/** A stop-watch for one channel. */
export interface Timing {
  /** Starts timing. `undefined` where nobody listens: `const done = timing.start(clock)`, then `done?.({ bytes })`. */
  start(clock: Clock): ((facts?: Readonly<Record<string, unknown>>) => void) | undefined
}

/**
 * The channel `holdfast:<name>` of `node:diagnostics_channel`. Where nobody listens it costs one check of
 * a flag: no clock is read and nothing is allocated.
 */
export function timing(name: TimingName): Timing {
  const target = channel(`holdfast:${name}`)
  return {
    start(clock) {
      if (!target.hasSubscribers) return undefined
      const startedAt = clock.monotonic()
      return (facts) =>
        target.publish({ ...facts, ms: clock.monotonic() - startedAt } satisfies TimingMessage)
    },
  }
}
