// Its file has a line of JSON for each document; loading it writes it anew, too.
import { join } from 'node:path'
import { Nedb } from '../../nedb.ts'
import { cityOf } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'

const AT_ONCE = 10_000

export async function prepare(directory: string, { records }: Prepared): Promise<void> {
  const database = await openIn(directory)
  for (let first = 0; first < records; first += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, records - first) }, (_, index) => first + index)
    await database.insertAsync(ids.map((id) => ({ _id: String(id), ...cityOf(id) })))
  }
}

export async function load(directory: string): Promise<LoadedState> {
  const database = await openIn(directory)
  return { records: database.getAllData().length }
}

async function openIn(directory: string): Promise<Nedb> {
  const database = new Nedb({ filename: join(directory, 'cities.db') })
  await database.loadDatabaseAsync()
  return database
}
