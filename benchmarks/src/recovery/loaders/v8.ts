// One file as `v8.serialize` makes it of the Map, read and deserialized at once.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { type Cities, citiesUpTo } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'

export async function prepare(directory: string, { records }: Prepared): Promise<void> {
  writeFileSync(join(directory, 'cities.v8'), serialize(citiesUpTo(records)))
}

export async function load(directory: string): Promise<LoadedState> {
  const cities = deserialize(readFileSync(join(directory, 'cities.v8'))) as Cities
  return { records: cities.size }
}
