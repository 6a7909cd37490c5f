import type { StoreEvents } from 'holdfast'
import type { EventEmitter } from 'node:events'

/** How often what there is about snapshots happened: a run in which it did not has shown nothing of it. */
export class SnapshotTally {
  blocking = 0
  captured = 0
  worker = 0
  /** Those of them that were compared with a replay. */
  compared = 0
  /** Threads that died or hung. */
  workersFailed = 0
  pinsDropped = 0

  /** Counts what happens to a store. */
  watch(events: EventEmitter<StoreEvents>, isCompared: boolean): void {
    events.on('snapshot', ({ mode }) => {
      this[mode] += 1
      if (isCompared) this.compared += 1
    })
    events.on('snapshotFailed', ({ code }) => {
      if (code === 'WORKER_FAILED') this.workersFailed += 1
    })
    events.on('pinDropped', () => {
      this.pinsDropped += 1
    })
  }
}
