import type { StoreEvents } from 'holdfast'
import type { EventEmitter } from 'node:events'

/** Of the snapshots that were published, by the way in which they were taken, and of what went with them. */
export interface SnapshotFigures {
  blocking: number
  captured: number
  worker: number
  /** Those of them that were compared with a replay. */
  compared: number
  /** Those of them of a store that has zstd make them smaller. */
  compressed: number
  /** Threads that were gone, and ones that hung until they were given up. */
  workersDied: number
  workersHung: number
  pinsDropped: number
}

/** What the snapshots of a store have in common. */
export interface SnapshotTraits {
  readonly isCompared: boolean
  readonly isCompressed: boolean
}

/** How often what there is about snapshots happened: a run in which it did not has shown nothing of it. */
export class SnapshotTally {
  readonly figures: SnapshotFigures = {
    blocking: 0,
    captured: 0,
    worker: 0,
    compared: 0,
    compressed: 0,
    workersDied: 0,
    workersHung: 0,
    pinsDropped: 0,
  }

  /** Counts what happens to a store. */
  watch(events: EventEmitter<StoreEvents>, { isCompared, isCompressed }: SnapshotTraits): void {
    events.on('snapshot', ({ mode }) => {
      this.figures[mode] += 1
      if (isCompared) this.figures.compared += 1
      if (isCompressed) this.figures.compressed += 1
    })
    events.on('snapshotFailed', ({ code, message }) => {
      if (code !== 'WORKER_FAILED') return
      if (message.includes('no sign of life')) this.figures.workersHung += 1
      else this.figures.workersDied += 1
    })
    events.on('pinDropped', () => {
      this.figures.pinsDropped += 1
    })
  }
}
