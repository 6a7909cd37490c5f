import { bytesCodec } from '@holdfast/codec'
import { encodeFrame } from '@holdfast/framing'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { encodeMark } from './format.ts'
import {
  faultyMemory,
  filesOf,
  openHarness,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { closed, crashed, edit, refusal, reframe, saltOf } from './crashed-log.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { encodeManifest } from './manifest.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

const records = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${i + 1}:${text(i + 1, 100)}`)

describe('the end of the last segment', () => {
  it('is a torn tail wherever its last batch is torn: by zeros or garbage', async () => {
    for (const how of ['zeros', 'garbage'] as const) {
      const { files, path, ends } = await crashed()
      const [start, end] = [ends[3], ends[4]] as [number, number]
      for (let cut = start; cut < end; cut += 8) {
        const torn = MemoryFileSystem.of(files.snapshot())
        edit(torn, path, (bytes) => bytes.fill(how === 'zeros' ? 0 : 0xa5, cut, end))
        const before = torn.snapshot().get(path)
        const result = await recovered(torn)
        expect(result.records).toEqual(records(4))
        expect(result.plan.refusal).toBeUndefined()
        expect(result.plan.tail?.offset ?? start).toBe(start)
        // The torn bytes stay where they are.
        expect(result.files.snapshot().get(path)).toEqual(before)
      }
    }
  })

  it('is corruption where the file is shorter than it was before it was first used, unless a footer ends it', async () => {
    const { files, path, ends } = await crashed()
    const whole = files.snapshot().get(path) as Buffer
    for (const length of [...ends, 512, (ends[4] as number) + 8, whole.length - 1]) {
      const cut = MemoryFileSystem.of(files.snapshot())
      edit(cut, path, (bytes) => bytes.subarray(0, length))
      const before = filesOf(cut)
      await expect(openHarness(memoryEnvironment(cut))).rejects.toMatchObject({ code: 'CORRUPT', path })
      expect(filesOf(cut)).toEqual(before)
    }
    // Killed between the cut behind the footer and the manifest that says so: the next segment is not there either.
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    await store.append(text(1, 100))
    const open = environment.files.snapshot()
    await store.close()
    const sealed = MemoryFileSystem.of(environment.files.snapshot())
    sealed.put(`${STORE}/MANIFEST`, open.get(`${STORE}/MANIFEST`) as Buffer)
    expect(sealed.snapshot().get(segmentsOf(sealed)[0] as string)?.length).toBeLessThan(4096)
    expect((await recovered(sealed)).records).toEqual(records(1))
  })

  it('is a torn tail where an os batch is lost and a later one survives', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    await store.append('a')
    await turns()
    const path = segmentsOf(environment.files)[0] as string
    await store.append('b', 'os')
    const withB = environment.files.snapshot().get(path) as Buffer
    await store.append('c', 'os')
    const lost = MemoryFileSystem.of(environment.files.snapshot())
    const start = 512 + 16 + 32 + 4 + 4
    edit(lost, path, (bytes) => bytes.fill(0, start, withB.findLastIndex((byte) => byte !== 0) + 1))
    const { records: found, plan } = await recovered(lost)
    expect(found).toEqual(['1:a'])
    expect(plan).toMatchObject({ lastSeq: 1, refusal: undefined })
    await store.close()
  })

  it('is corruption where evidence says that what is damaged was durable', async () => {
    const { files, path, ends } = await crashed()
    for (const damagedBatch of [1, 2, 3, 4]) {
      const damaged = MemoryFileSystem.of(files.snapshot())
      const at = (ends[damagedBatch - 1] as number) - 20
      edit(damaged, path, (bytes) => void bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at))
      const before = filesOf(damaged)
      await expect(openHarness(memoryEnvironment(damaged))).rejects.toMatchObject({
        code: 'CORRUPT',
        path,
        offset: (ends[damagedBatch - 1] as number) - 152,
      })
      expect(filesOf(damaged)).toEqual(before)
    }
  })

  it('is corruption where a snapshot, a mark behind the damage or the manifest says so', async () => {
    const { files, path, ends } = await crashed()
    const end = ends[4] as number
    const torn = MemoryFileSystem.of(files.snapshot())
    edit(torn, path, (bytes) => bytes.fill(0xa5, end - 100, end))
    expect((await recovered(torn)).records).toEqual(records(4))

    const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(torn))
    const scan = new LogDirectory(directory, bytesCodec).scan({
      after: 0,
      evidence: [{ seq: 5, source: 'a snapshot' }],
    })
    for await (const _ of scan) continue
    expect(scan.plan.refusal).toMatchObject({
      code: 'CORRUPT',
      details: { lastReadableSeq: 4, provenSeq: 5, provenBy: 'a snapshot' },
    })

    const salt = directory.manifest.segments[0]?.salt as number
    const marked = MemoryFileSystem.of(torn.snapshot())
    edit(
      marked,
      path,
      (bytes) => void encodeMark({ durableSeq: 5, time: 0, note: undefined }, salt).copy(bytes, end + 400),
    )
    await expect(openHarness(memoryEnvironment(marked))).rejects.toMatchObject({
      code: 'CORRUPT',
      offset: end - 152,
    })
    // A mark that says no more than what can be read proves nothing against it.
    const harmless = MemoryFileSystem.of(torn.snapshot())
    edit(
      harmless,
      path,
      (bytes) => void encodeMark({ durableSeq: 4, time: 0, note: undefined }, salt).copy(bytes, end + 400),
    )
    expect((await recovered(harmless)).records).toEqual(records(4))

    const clean = MemoryFileSystem.of(torn.snapshot())
    clean.put(
      `${STORE}/MANIFEST`,
      encodeManifest({ ...directory.manifest, clean: { durableSeq: 5, epoch: 1 } }, 7),
    )
    await expect(openHarness(memoryEnvironment(clean))).rejects.toMatchObject({ code: 'CORRUPT' })
    await directory.close()
  })

  it('is searched within bounds', async () => {
    const { files, path, ends } = await crashed(1)
    const salt = (await readManifest(memoryEnvironment(files), STORE))?.segments[0]?.salt as number
    // Headers nested in each other, each claiming the rest of the file under a payload checksum that is wrong.
    edit(files, path, (bytes) => {
      for (let at = (ends[0] as number) + 8; at < bytes.length - 4096; at += 16) {
        encodeFrame(
          { kind: 2, payload: Buffer.alloc(bytes.length - at - 16 - ((bytes.length - at) % 8)) },
          salt,
        ).copy(bytes, at, 0, 16)
      }
      return bytes
    })
    await expect(openHarness(memoryEnvironment(files))).rejects.toMatchObject({ code: 'CORRUPT' })
  })
})

describe('a segment that another one continues', () => {
  const middle = async (
    change: (bytes: Buffer) => Buffer | void,
  ): Promise<{ files: MemoryFileSystem; path: string }> => {
    const { files, paths } = await closed()
    const path = paths[1] as string
    edit(files, path, change)
    return { files, path }
  }
  const lastAt = 512 + 2 * 952

  it.each<[string, (bytes: Buffer) => Buffer | void, string]>([
    ['ends early', (bytes) => bytes.subarray(0, lastAt), 'everything up to sequence 6, and it ends after 5'],
    [
      'is zeros from somewhere on',
      (bytes) => bytes.fill(0, lastAt),
      'everything up to sequence 6, and the next frame is damaged (zeros) after 5',
    ],
  ])('is damaged where it %s', async (_, change, message) => {
    const { files, path } = await middle(change)
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset: lastAt,
      seq: 6,
      message: expect.stringContaining(message) as unknown,
    })
  })

  it('is damaged where its frames are sound, and others than those that were continued', async () => {
    const { files, path } = await middle((bytes) =>
      reframe(bytes, 512, saltOf(bytes), (payload) => void payload.writeUInt8(0x21, payload.length - 1)),
    )
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      message: expect.stringContaining('sequence 6 are not those that its successor saw') as unknown,
    })
  })

  it('may hold anything behind what was continued', async () => {
    const { files } = await middle((bytes) => bytes.fill(0x77, 512 + 3 * 952))
    expect((await recovered(files)).records).toHaveLength(10)
  })

  it('is damaged where its header is another one when it is read than it was a moment before', async () => {
    const { files, paths } = await closed()
    const path = paths[1] as string
    const environment = faultyMemory(files)
    const before = (): void => edit(files, path, (bytes) => bytes.fill(0, 0, 512))
    environment.files.fail({ on: 'read', path: new RegExp(path), nth: 2, fault: { before } })
    await expect(openHarness(environment)).rejects.toMatchObject({
      code: 'CORRUPT',
      path,
      offset: 0,
      message: expect.stringContaining('the header changed while it was read') as unknown,
    })
  })
})

it('a pass that is aborted ends with ABORTED and the reason', async () => {
  const { files } = await closed()
  const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
  const abort = new AbortController()
  const reason = new Error('enough')
  const seen: number[] = []
  const reading = (async () => {
    for await (const item of new LogDirectory(directory, bytesCodec).scan({
      after: 0,
      signal: abort.signal,
    })) {
      if (!('lastSeq' in item)) continue
      seen.push(item.lastSeq)
      if (item.lastSeq === 2) abort.abort(reason)
    }
  })()
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
  expect(seen).toEqual([1, 2])
})
