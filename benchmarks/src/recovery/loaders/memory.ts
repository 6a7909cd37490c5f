// The state alone, made and not loaded: what any of the others needs at least.
import { citiesUpTo } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export async function prepare(directory: string, { records }: Prepared): Promise<void> {
  writeFileSync(join(directory, 'count'), String(records))
}

export async function load(directory: string): Promise<LoadedState> {
  return { records: citiesUpTo(Number(readFileSync(join(directory, 'count'), 'utf8'))).size }
}
