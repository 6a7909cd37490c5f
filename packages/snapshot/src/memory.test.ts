import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nodeEnvironment } from '@holdfast/environment'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { SNAPSHOT_MEMORY_BYTES } from './format.ts'
import { SnapshotDirectory } from './snapshot-directory.ts'
import type { SnapshotCompression } from './snapshot-store.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Some 60 MB. */
const ENTRIES = 300_000
const LOOK_EVERY = 30_000

const entryOf = (id: number) => ({ id, name: `name ${id}`, text: `text ${id} `.repeat(12) })

/** The most that is in use, beyond what was in use at first. */
class Peak {
  readonly #before: number
  bytes = 0

  constructor() {
    this.#before = Peak.inUse()
  }

  static inUse(): number {
    // What the first time finds out may be given back by the second.
    collect()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }

  look(): void {
    this.bytes = Math.max(this.bytes, Peak.inUse() - this.#before)
  }
}

it.each<SnapshotCompression>(['none', 'zstd'])(
  'a snapshot is written, read back and read within its memory, however large it is: %s',
  { tags: ['long'] },
  async (compression) => {
    const { path, remove } = await temporaryDirectory()
    onTestFinished(() => remove())
    const directory = await SnapshotDirectory.open(path, { compression, environment: nodeEnvironment })
    const peak = new Peak()
    function* entries() {
      for (let id = 0; id < ENTRIES; id++) {
        if (id % LOOK_EVERY === 0) peak.look()
        yield entryOf(id)
      }
    }
    const writer = await directory.create({ seq: 1, time: 1, machineVersion: 1, epoch: 1 })
    await writer.writeAll(entries())
    peak.look()
    const snapshot = await writer.close()
    expect(snapshot.payloadBytes).toBeGreaterThan(2 * SNAPSHOT_MEMORY_BYTES)

    const reader = await directory.open(snapshot)
    let read = 0
    for await (const batch of reader.batches()) {
      const looks = Math.floor((read + batch.length) / LOOK_EVERY) > Math.floor(read / LOOK_EVERY)
      read += batch.length
      if (looks) peak.look()
    }
    await reader.close()
    expect(read).toBe(ENTRIES)
    expect(peak.bytes).toBeGreaterThan(0)
    expect(peak.bytes).toBeLessThan(SNAPSHOT_MEMORY_BYTES)
  },
)
