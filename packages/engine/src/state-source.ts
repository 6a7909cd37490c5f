import { HoldfastError } from '@holdfast/environment'
import type { SnapshotPace, SnapshotStore } from '@holdfast/snapshot'
import type { LiveMachine } from './live-machine.ts'
import type { Machine } from './machine.ts'
import { contentOf } from './snapshot-content.ts'
import type { Point, Points, SealedPoint, SnapshotSource } from './snapshot-source.ts'

/**
 * Snapshots out of the state in this thread: out of the state itself (`blocking`), where nothing is applied until it
 * is written, or out of a view of it (`captured`). In both the event loop turns, reads go on, commands are captured
 * and written to the log.
 */
export class StateSource<State extends object> implements SnapshotSource {
  readonly #points: Points<State>
  readonly #machine: Machine<State>
  readonly #live: LiveMachine<State>
  readonly #snapshots: SnapshotStore
  readonly #capture: Machine<State>['capture']

  /** Without `capture` it is `blocking`. */
  constructor(
    points: Points<State>,
    machine: Machine<State>,
    live: LiveMachine<State>,
    snapshots: SnapshotStore,
    capture: Machine<State>['capture'],
  ) {
    this.#points = points
    this.#machine = machine
    this.#live = live
    this.#snapshots = snapshots
    this.#capture = capture
  }

  get blockedMs(): number {
    return this.#points.blockedMs
  }

  async seal(): Promise<SealedPoint> {
    const capture = this.#capture
    const live = this.#live
    if (capture === undefined) {
      // What is read back is not the state: commands need not wait for it.
      const written = await this.#points.at((point) => this.#write(point, live.state, 'fast'))
      return written()
    }
    const [point, view] = await this.#points.at((at) => [at, viewOf(live.state, capture)] as const)
    const written = await this.#write(point, view, 'gentle')
    return written()
  }

  /** All of the state is in the file, or in memory, on return; what it returns completes the file. */
  async #write(
    { subject, end }: Point,
    state: State,
    pace: SnapshotPace,
  ): Promise<() => Promise<SealedPoint>> {
    const writer = await this.#snapshots.create(subject, pace)
    await writer.writeAll(contentOf(this.#machine, state))
    const mode = this.#capture === undefined ? 'blocking' : 'captured'
    return async () => ({ sealed: await writer.seal(), end, mode, damaged: [] })
  }
}

function viewOf<State extends object>(state: State, capture: (state: State) => State): State {
  const view: unknown = capture(state)
  if (typeof view === 'object' && view !== null && view !== state) return view as State
  const what = view === state ? 'the state itself, which goes on changing' : 'no object'
  throw new HoldfastError('SNAPSHOT_FAILED', `capture of the machine gave ${what}`)
}
