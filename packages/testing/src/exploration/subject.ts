import type { SeededRandom } from '../seeded-random.ts'
import type { SimulatedEnvironment } from '../simulated/simulated-environment.ts'
import type { CutKind, Found } from './model.ts'

/** Where the store of every exploration is. */
export const STORE = '/data/store'

/** The ways in which a snapshot is taken. */
export const SNAPSHOT_MODES = ['blocking', 'captured', 'worker'] as const

/** What is explored: the log by itself, or the engine. Records bear a number; what else they are is its own affair. */
export interface Subject {
  /** The record of a number, to follow so many others; `undefined` where there are no more. */
  draw(id: number, random: SeededRandom, position: number): unknown
  open(environment: SimulatedEnvironment, settings: SubjectSettings): Promise<OpenSubject>
}

/** What a workload draws once. */
export interface SubjectSettings {
  readonly syncIntervalMs: number
  readonly maxUnsyncedBytes: number
  readonly snapshotEvery: number
  /** How snapshots are taken, whether each is compared with a replay, and is compressed, where the subject has such a choice. */
  readonly snapshots: {
    readonly mode: (typeof SNAPSHOT_MODES)[number]
    readonly replayed: boolean
    readonly compressed: boolean
  }
  /** The cap of a pin that it is opened with, in bytes, where the subject has such a thing. */
  readonly pinBytes: number | undefined
  /** Small, so that there are many; or so large that space for one is taken ahead, in steps, as it fills. */
  readonly segmentBytes: number
}

export interface OpenSubject {
  readonly durableSeq: number
  /** The last sequence that was acknowledged, or is in the state. */
  readonly lastSeq: number
  /** Resolves once they are acknowledged, to the first one's sequence where that is known. Several share a frame. */
  submit(records: readonly unknown[], durability: 'disk' | 'os'): Promise<number | undefined>
  sync(): Promise<unknown>
  /** Makes room: trims the log, or takes a snapshot. */
  tidy(throughSeq: number): Promise<unknown>
  /** Everything that is there, compared with what was written. Where a record left no trace, 0 stands for it. */
  read(records: ReadonlyMap<number, unknown>): Promise<Found>
  /**
   * Throws if the state is not the one that follows from these, or if it was put together from less than a
   * crash may leave: where nothing is damaged, nothing may have been set aside.
   */
  verify(records: readonly unknown[], cut: CutKind): void
  /** Where it can be copied while it is open: makes the copy, opens it, and reads what is in it. */
  copy?(path: string, records: ReadonlyMap<number, unknown>): Promise<Found>
  close(): Promise<void>
}
