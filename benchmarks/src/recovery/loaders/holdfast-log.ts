// A log without a snapshot: every command is replayed.
import { open, type OpenOptions } from 'holdfast'
import { callers } from '../../callers.ts'
import { CITIES_MAX, cityMachine, cityOf } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'

/** None is taken by itself. */
const NO_SNAPSHOTS: OpenOptions = { snapshot: { everyBytes: Infinity } }
/** One at a time takes its time: what is there by then is the log. */
const WRITE_MAX_MS = 12_000

export async function prepare(directory: string, { records, inFlight }: Prepared): Promise<void> {
  const store = await open(directory, cityMachine, NO_SNAPSHOTS)
  const commit = (index: number): Promise<number> => store.execute('add', cityOf(index % CITIES_MAX))
  const ms = inFlight === 1 ? WRITE_MAX_MS : Infinity
  await callers({ commit }, { inFlight, ms, most: records, first: 0 })
  await store.close()
}

export async function load(directory: string): Promise<LoadedState> {
  const store = await open(directory, cityMachine, NO_SNAPSHOTS)
  return { records: store.report.commands.applied, close: () => store.close() }
}
