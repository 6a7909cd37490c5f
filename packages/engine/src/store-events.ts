import { EventEmitter } from 'node:events'
import type { HoldfastError } from '@holdfast/environment'
import type { PinStats } from '@holdfast/wal'
import type { TakenSnapshot } from './snapshotter.ts'

/** What happens to a store beside what its callers wait for: `store.events.on(name, listener)`. */
export interface StoreEvents {
  /** `apply` threw something else than a `Refusal`, or returned a promise: probably a bug. The command counts as refused. */
  applyFailed: [failure: ApplyFailure]
  /** A snapshot was published; `blockedMs` says for how long no command could be applied. */
  snapshot: [snapshot: TakenSnapshot]
  /** A snapshot could not be taken: nothing was published, and the store goes on. The policy tries again, later with each failure in a row. */
  snapshotFailed: [error: HoldfastError]
  /** The log was trimmed behind the oldest snapshot that is kept. */
  trimmed: [trimmed: { readonly firstSeq: number; readonly segments: number; readonly bytes: number }]
  /**
   * A pin, a change feed or another reader held back more of the log than its cap: it keeps nothing any more, and the log
   * is trimmed next. Whoever goes on with it gets a `GapError`.
   */
  pinDropped: [dropped: PinStats]
  /** A write or a sync failed, and everything that was not durable was written again to a new segment. */
  moved: [move: { readonly from: string; readonly to: string; readonly error: HoldfastError }]
  /** Work in the background failed; nothing is lost, and the store goes on. */
  warning: [error: HoldfastError]
  /** The store takes no more writes. Reads go on; opening it again recovers. */
  failed: [error: HoldfastError]
  /** `close` has ended. */
  closed: []
}

/** A command over which `apply` broke its promises. */
export interface ApplyFailure {
  readonly seq: number
  readonly time: number
  readonly name: string
  /** What `apply` threw; an `ASYNC_APPLY` where it returned a promise. */
  readonly error: unknown
}

export type StoreEmitter = EventEmitter<StoreEvents>

export function storeEmitter(): StoreEmitter {
  return new EventEmitter<StoreEvents>()
}

/**
 * Tells the listeners. What one of them throws comes up as an uncaught exception, as it would from any
 * emitter, but behind the engine's back: a listener cannot break a batch in two.
 */
export function tell<Name extends keyof StoreEvents>(
  emitter: StoreEmitter,
  name: Name,
  ...facts: StoreEvents[Name]
): void {
  if (emitter.listenerCount(name) === 0) return
  try {
    // The emitter's own type does not follow a generic name.
    ;(emitter as EventEmitter).emit(name, ...facts)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
