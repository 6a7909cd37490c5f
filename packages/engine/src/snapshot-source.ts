import type { Environment } from '@holdfast/environment'
import type { WriteQueue } from '@holdfast/recovery'
import type { SealedSnapshot, SnapshotSubject } from '@holdfast/snapshot'
import type { DamagedSnapshot, FoldEnd } from './fold.ts'
import type { LiveMachine } from './live-machine.ts'
import type { Machine } from './machine.ts'

/**
 * How a snapshot is taken.
 * - `captured`: the machine's `capture` gives a view of the state, which is written while commands are applied.
 * - `worker`: a thread folds the last snapshot and the log behind it into the next one. It holds a second copy of the
 *   state while it does.
 * - `blocking`: commands wait to be applied until the state is written.
 */
export type SnapshotMode = 'captured' | 'worker' | 'blocking'

/** Makes snapshots of an open store, one at a time, and none of them counts yet. */
export interface SnapshotSource {
  /**
   * Of what is applied by now: complete and durable, and not published. `signal` gives up what others than this thread
   * do for it, with `ABORTED`.
   */
  seal(signal?: AbortSignal): Promise<SealedPoint>
  /** Milliseconds for which the last one let no command be applied. */
  readonly blockedMs: number
}

/** A sealed snapshot, and what a fold needs to come to the same state. */
export interface SealedPoint {
  readonly sealed: SealedSnapshot
  readonly end: FoldEnd
  /** How it was taken. */
  readonly mode: SnapshotMode
  /** Others that turned out to be of no use on the way. `undefined`: some are, and it is not known which. */
  readonly damaged: readonly DamagedSnapshot[] | undefined
}

/** What a moment between two batches is to a snapshot, and to a fold. */
export interface Point {
  readonly subject: SnapshotSubject
  readonly end: FoldEnd
}

/** What the moments between two batches are found with. */
export interface PointParts<State extends object> {
  readonly machine: Machine<State>
  readonly live: LiveMachine<State>
  /** Nothing is applied while a task is in this line. */
  readonly queue: WriteQueue
  readonly epoch: number
  readonly environment: Environment
}

/** Moments between two batches of an open store. */
export class Points<State extends object> {
  readonly #parts: PointParts<State>
  /** How long nothing could be applied for the last task. */
  blockedMs = 0

  constructor(parts: PointParts<State>) {
    this.#parts = parts
  }

  /** Runs it while nothing is applied. */
  at<T>(task: (point: Point) => T | Promise<T>): Promise<T> {
    const { queue, live, environment } = this.#parts
    const { clock } = environment
    return queue.run(async () => {
      if (live.failure !== undefined) throw live.failure
      const began = clock.monotonic()
      try {
        return await task(this.#now())
      } finally {
        this.blockedMs = clock.monotonic() - began
      }
    })
  }

  #now(): Point {
    const { live, machine, epoch } = this.#parts
    const { appliedSeq: seq, lastTime: time, ledger } = live
    return {
      // Who opens with this snapshot reads nothing before it: what no batch carries yet would be forgotten.
      subject: { seq, time, machineVersion: machine.version, epoch, note: ledger.note() },
      end: { seq, outcomes: ledger.unsettled() ?? new Uint8Array(0) },
    }
  }
}
