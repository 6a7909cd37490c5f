import type { City } from '../recovery/cities.ts'
import { cityMachine } from '../recovery/cities.ts'
import { cityTreeMachine } from './city-tree.ts'

/** What a load is put on: a store of cities. */
export interface CityStore {
  execute(name: 'add', city: City): Promise<number>
}

/** One way to take a snapshot while writes go on, and the same load without one. */
export interface SnapshotMode {
  readonly name: string
  /** The name of the load without a snapshot, on the same machine. */
  readonly without: string
  readonly machine: MachineName
}

export const CITY_MACHINES = { map: cityMachine, tree: cityTreeMachine }
export type MachineName = keyof typeof CITY_MACHINES

export const SNAPSHOT_MODES: readonly SnapshotMode[] = [
  { name: 'blocking', without: 'no snapshot', machine: 'map' },
  { name: 'captured', without: 'no snapshot, tree', machine: 'tree' },
]
