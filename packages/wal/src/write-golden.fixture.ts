import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { openHarness, segmentsOf, STORE } from './log-harness.fixture.ts'

/**
 * Writes the golden store. Run once for each version of the format:
 *
 *   node --conditions=@holdfast/source packages/wal/src/write-golden.fixture.ts packages/wal/golden/format-1
 */
async function writeGolden(target: string): Promise<void> {
  const environment = memoryEnvironment()
  const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }
  const note = (kind: 'batch' | 'mark'): Uint8Array => Buffer.from(`a note in a ${kind}`)
  const first = await openHarness(environment, { ...options, machineVersion: 1 }, STORE, { note })
  await first.append('one')
  environment.clock.advance(1000)
  await first.appendAll(['two', 'three', ''])
  await first.close()

  const second = await openHarness(environment, { ...options, machineVersion: 2 })
  environment.clock.advance(1000)
  await second.append('five')
  await second.append('six', 'os')
  await second.append('seven: this one is torn', 'os')
  // The process dies, and of the last batch only its header reached the disk.
  const files = environment.files.snapshot()
  const last = files.get(segmentsOf(environment.files).at(-1) as string) as Buffer
  const end = last.findLastIndex((byte) => byte !== 0) + 1
  last.fill(0, end - 32)
  await second.close()
  for (const [path, bytes] of files) {
    const file = `${target}${path.slice(STORE.length)}`
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, bytes, { flag: 'wx' })
  }
}

await writeGolden(process.argv[2] ?? '')
