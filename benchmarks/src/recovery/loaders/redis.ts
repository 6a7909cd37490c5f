// A server that starts on its log and answers once it has loaded it. What it loads stays text.
import { startRedis } from '../../redis-server.ts'
import { cityOf } from '../cities.ts'
import type { LoadedState, Prepared } from '../loader.ts'

const AT_ONCE = 10_000

export async function prepare(directory: string, { records }: Prepared): Promise<void> {
  const { client, stop } = await startRedis(directory, { sync: false })
  for (let first = 0; first < records; first += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, records - first) }, (_, index) => first + index)
    await Promise.all(ids.map((id) => client.set(`city:${id}`, JSON.stringify(cityOf(id)))))
  }
  await stop()
}

export async function load(directory: string): Promise<LoadedState> {
  const { client, peakMemoryMib, stop } = await startRedis(directory)
  return { records: await client.dbSize(), peakMemoryMib: peakMemoryMib(), close: stop }
}
