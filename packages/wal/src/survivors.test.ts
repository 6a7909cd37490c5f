import { bytesCodec } from '@holdfast/codec'
import { encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { crashed, edit, putManifest, reframe, saltOf } from './crashed-log.fixture.ts'
import {
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { Manifest } from './manifest.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

const records = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${i + 1}:${text(i + 1, 100)}`)

describe('survivors', () => {
  it('are written again to a new segment, which ends the old one; no byte of an old segment changes', async () => {
    const { files, path } = await crashed()
    const before = files.snapshot().get(path)
    const store = await openHarness(memoryEnvironment(files, 3), options)
    expect(store.plan).toMatchObject({ provenSeq: 4, survivors: { firstSeq: 5, lastSeq: 5 } })
    expect(store.log).toMatchObject({ lastSeq: 5, durableSeq: 5 })
    expect(files.snapshot().get(path)).toEqual(before)
    expect(await readAll(store.log)).toEqual(records(5))
    // As the process leaves it if it dies at once: nothing is left to be written again.
    const again = await recovered(files)
    expect(again.plan).toMatchObject({ survivors: undefined, provenSeq: 5, batches: 5 })
    expect(again.plan.segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 4],
      [5, 5],
    ])
    expect(again.files.snapshot().get(path)).toEqual(before)
    await store.close()
    expect(files.snapshot().get(path)).toEqual(before)
  })

  it('count where they stand until the new name is there', async () => {
    const { files } = await crashed()
    const environment = faultyMemory(files)
    environment.files.fail({ on: 'rename', path: /wal/, fault: { errno: 'EIO' } })
    await expect(openHarness(environment, options)).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(environment.files.openFiles).toBe(0)
    expect(segmentsOf(files)).toHaveLength(1)
    expect((await recovered(files)).records).toEqual(records(5))
  })

  it('are written again without what stands between them', async () => {
    const { files, path, ends } = await crashed()
    edit(files, path, (bytes) => {
      const [start, end] = [ends[3], ends[4]] as [number, number]
      const last = Buffer.from(bytes.subarray(start, end))
      // A kind of frame that a reader may step over.
      const between = encodeFrame({ kind: 0x81, payload: Buffer.alloc(8) }, saltOf(bytes))
      Buffer.concat([between, last]).copy(bytes, start)
    })
    const store = await openHarness(memoryEnvironment(files, 3), options)
    expect(store.plan.survivors).toMatchObject({ firstSeq: 5, lastSeq: 5 })
    expect(await readAll(store.log)).toEqual(records(5))
    await store.close()
  })

  it.each<[string, (bytes: Buffer, offset: number) => Buffer | void]>([
    ['the header is gone', (bytes) => bytes.fill(0, 0, 512)],
    ['the header is another', (bytes) => reframe(bytes, 0, FORMAT_SEED, (payload) => payload.fill(0, 0, 8))],
    ['they are damaged', (bytes, offset) => bytes.fill(0xa5, offset + 50, offset + 60)],
    [
      'they are others',
      (bytes, offset) =>
        reframe(bytes, offset, saltOf(bytes), (payload) => void payload.writeBigUInt64LE(6n, 0)),
    ],
    [
      'they are none',
      (bytes, offset) =>
        reframe(bytes, offset, saltOf(bytes), (payload) => void payload.writeUInt32LE(0, 24)),
    ],
  ])('are not written again where, since they were found, %s', async (_, change) => {
    const { files, path, ends } = await crashed()
    const whole = files.snapshot().get(path) as Buffer
    const environment = faultyMemory(files)
    const directory = await StoreDirectory.openForWriting(STORE, environment)
    const logs = new LogDirectory<Uint8Array, never>(directory, bytesCodec, options)
    const scan = logs.scan({ after: 0 })
    for await (const _batch of scan) continue
    edit(files, path, (bytes) => change(bytes, ends[3] as number))
    await expect(logs.open(scan.plan, { committed() {}, rejected() {} })).rejects.toMatchObject({
      code: 'CORRUPT',
      path,
      message: expect.stringContaining('readable a moment ago') as unknown,
    })
    await directory.close()
    expect(environment.files.openFiles).toBe(0)
    expect(segmentsOf(files)).toEqual([path])
    // Were it only the disk that said so for once, all of them are still there.
    files.put(path, whole)
    expect((await recovered(files)).records).toEqual(records(5))
  })

  it('in a segment that nothing names prove no size of it', async () => {
    const { files, path, ends } = await crashed()
    const manifest = (await readManifest(memoryEnvironment(files), STORE)) as Manifest
    putManifest(files, { ...manifest, segments: [] })
    const environment = faultyMemory(files)
    environment.files.fail({ on: 'rename', path: /wal/, fault: { errno: 'EIO' } })
    await expect(openHarness(environment, options)).rejects.toMatchObject({ code: 'IO_ERROR' })
    // Then the power fails. Its header was durable, or nothing would stand behind it; its size was in the page cache.
    const cut = MemoryFileSystem.of(files.snapshot())
    edit(cut, path, (bytes) => bytes.subarray(0, ends[3]))
    expect((await recovered(cut)).records).toEqual(records(4))
  })
})
