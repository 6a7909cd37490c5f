// One file of JSON, read and parsed at once.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cities, citiesUpTo, type City } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'

export async function prepare(directory: string, { records }: Prepared): Promise<void> {
  writeFileSync(join(directory, 'cities.json'), JSON.stringify([...citiesUpTo(records)]))
}

export async function load(directory: string): Promise<LoadedState> {
  const entries = JSON.parse(readFileSync(join(directory, 'cities.json'), 'utf8')) as [number, City][]
  const cities: Cities = new Map(entries)
  return { records: cities.size }
}
