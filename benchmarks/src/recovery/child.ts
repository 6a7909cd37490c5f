// Makes what one loader loads, or loads it.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { answer } from '../answer.ts'
import { peakMemoryMib } from '../usage.ts'
import { LOADERS } from './loaders.ts'

export interface RecoveryInput {
  readonly loader: string
  readonly task: 'prepare' | 'load'
  readonly records: number
  readonly inFlight: number
}

await answer(async ({ loader, task, records, inFlight }: RecoveryInput, { directory, prepared = '' }) => {
  const entry = LOADERS.find(({ name }) => name === loader)
  if (entry === undefined) throw new Error(`there is no loader '${loader}'`)
  const { load, prepare } = await entry.load()
  if (task === 'prepare') {
    await prepare(directory, { records, inFlight })
    return {}
  }
  const started = performance.now()
  const loaded = await load(prepared)
  const seconds = (performance.now() - started) / 1000
  const memory = loaded.peakMemoryMib ?? peakMemoryMib()
  await loaded.close?.()
  if (loaded.records > records || (loaded.records < records && entry.share === undefined)) {
    throw new Error(`${loaded.records} of ${records} came back`)
  }
  return {
    records: loaded.records,
    seconds,
    perSecond: loaded.records / seconds,
    peakMemoryMib: memory,
    bytes: sizeOf(prepared),
  }
})

function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}
