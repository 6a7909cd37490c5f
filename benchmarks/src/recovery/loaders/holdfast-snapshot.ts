// A snapshot with nothing behind it.
import { open } from 'holdfast'
import { cityMachine, cityOf } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'

export async function prepare(directory: string, { records }: Prepared): Promise<void> {
  const store = await open(directory, cityMachine)
  await store.executeEach(adds(records))
  await store.snapshot()
  await store.close()
}

export async function load(directory: string): Promise<LoadedState> {
  const store = await open(directory, cityMachine)
  if (store.report.commands.applied > 0) throw new Error('the snapshot does not hold everything')
  return { records: store.state.size, close: () => store.close() }
}

function* adds(count: number): Generator<readonly ['add', ReturnType<typeof cityOf>], void, undefined> {
  for (let id = 0; id < count; id += 1) yield ['add', cityOf(id)]
}
