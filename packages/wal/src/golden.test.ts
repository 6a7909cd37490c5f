import { readdir, readFile } from 'node:fs/promises'
import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { beforeAll, describe, expect, it } from 'vitest'
import { decode, filesOf, openHarness, readAll, STORE } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { StoreDirectory } from './store-directory.ts'

const golden = new URL('../golden/format-1/', import.meta.url)

describe('the golden store of format version 1', () => {
  let files: MemoryFileSystem

  beforeAll(async () => {
    files = new MemoryFileSystem()
    for (const entry of await readdir(golden, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = `${entry.parentPath}/${entry.name}`
      files.put(`${STORE}/${path.slice(golden.pathname.length).replace(/^\//, '')}`, await readFile(path))
    }
  })

  it('reads as it was written', async () => {
    const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
    expect(directory.manifest).toMatchObject({ epoch: 2, trimmedThrough: 0 })
    const scan = new LogDirectory<Uint8Array, never>(directory, bytesCodec).scan({ after: 0 })
    const found: unknown[] = []
    for await (const item of scan) {
      const { time, durableSeq } = item
      const seconds = (time - Date.UTC(2026, 0, 1)) / 1000
      const note = decode(item.note)
      if ('firstSeq' in item) {
        const { firstSeq, machineVersion, codec } = item
        const values = bytesCodec.decode(item.records, item.count).map(decode)
        found.push({ firstSeq, values, seconds, durableSeq, note, machineVersion, codec })
      } else {
        found.push({ mark: true, seconds, durableSeq, note })
      }
    }
    const batch = { codec: 'bytes-1', machineVersion: 1, note: 'a note in a batch' }
    expect(found).toEqual([
      { ...batch, firstSeq: 1, values: ['one'], seconds: 0, durableSeq: 0 },
      { ...batch, firstSeq: 2, values: ['two', 'three', ''], seconds: 1, durableSeq: 1 },
      { ...batch, firstSeq: 5, values: ['five'], seconds: 2, durableSeq: 4, note: '', machineVersion: 2 },
      { ...batch, firstSeq: 6, values: ['six'], seconds: 2, durableSeq: 5, note: '', machineVersion: 2 },
    ])
    expect(scan.plan).toMatchObject({
      lastSeq: 6,
      provenSeq: 5,
      survivors: { firstSeq: 6, lastSeq: 6 },
      tail: { reason: 'payload-checksum' },
      refusal: undefined,
    })
    expect(
      scan.plan.segments.map(({ firstSeq, lastSeq, digest }) => ({ firstSeq, lastSeq, digest })),
    ).toEqual([
      { firstSeq: 1, lastSeq: 4, digest: directory.manifest.segments[0]?.digest },
      { firstSeq: 5, lastSeq: 6, digest: expect.any(Number) as unknown },
    ])
    await directory.close()
  })

  it('opens for writing, and no byte of its segments changes', async () => {
    const copy = MemoryFileSystem.of(files.snapshot())
    const store = await openHarness(memoryEnvironment(copy, 5), { machineVersion: 2 })
    expect(await store.append('seven')).toBe(7)
    expect((await readAll(store.log)).slice(4)).toEqual(['5:five', '6:six', '7:seven'])
    await store.close()
    const before = [...filesOf(files)].filter(
      ([path, bytes]) => path.endsWith('.wal') && bytes.readUInt8(0) !== 0,
    )
    expect(before).toHaveLength(2)
    for (const [path, bytes] of before) expect(copy.snapshot().get(path)).toEqual(bytes)
  })
})
