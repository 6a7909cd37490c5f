import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'holdfast'
import { type cityMachine, cityOf } from '../recovery/cities.ts'
import { startRedis } from '../redis-server.ts'
import { peakMemoryMib } from '../usage.ts'
import { cityTreeMachine } from './city-tree.ts'
import type { SubjectName } from './modes.ts'

/** Cities that are replaced again and again, and snapshots of them. */
export interface SnapshotSubject {
  commit(id: number): Promise<unknown>
  /** Resolves to its bytes once it counts. */
  snapshot(): Promise<number>
  peakMemoryMib(): number
  close(): Promise<void>
}

/** Between two looks whether the server has done it. */
const POLL_MS = 5

export async function openSubject(name: SubjectName, directory: string): Promise<SnapshotSubject> {
  if (name === 'redis') return openRedis(directory)
  const store = await openStore(name, directory)
  // A new version of the machine owes one.
  await store.snapshot()
  return {
    commit: (id) => store.execute('add', cityOf(id)),
    snapshot: async () => (await store.snapshot()).bytes,
    peakMemoryMib,
    close: () => store.close(),
  }
}

function openStore(mode: Exclude<SubjectName, 'redis'>, directory: string) {
  const options = { snapshot: { everyBytes: Infinity, mode } }
  if (mode === 'captured') return open(directory, cityTreeMachine, options)
  return open<typeof cityMachine>(directory, new URL('city-module.ts', import.meta.url), options)
}

/** A child of the server writes what it has shared with it, page by page, since. */
async function openRedis(directory: string): Promise<SnapshotSubject> {
  const { client, peakMemoryMib: serverMib, stop } = await startRedis(directory)
  return {
    commit: (id) => client.set(`city:${id}`, JSON.stringify(cityOf(id))),
    async snapshot() {
      await client.bgSave()
      for (let info = ''; !info.includes('rdb_bgsave_in_progress:0'); await sleep(POLL_MS))
        info = await client.info('persistence')
      return statSync(join(directory, 'dump.rdb')).size
    },
    peakMemoryMib: () => serverMib() ?? 0,
    close: stop,
  }
}
