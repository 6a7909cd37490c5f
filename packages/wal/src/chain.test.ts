import { bytesCodec } from '@holdfast/codec'
import { FORMAT_SEED } from '@holdfast/framing'
import { memoryEnvironment, type MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, edit, putManifest, refusal, reframe } from './crashed-log.fixture.ts'
import { encodeSegmentHeader, type SegmentHeader } from './format.ts'
import { filesOf, recovered, segmentsOf, STORE } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { Manifest, ManifestSegment } from './manifest.ts'
import type { LogPlan } from './plan.ts'
import { segmentName } from './segment-name.ts'
import { StoreDirectory } from './store-directory.ts'

/** What a pass finds that wants nothing up to `after`: a snapshot covers it. */
async function planOf(files: MemoryFileSystem, after: number): Promise<LogPlan> {
  const before = filesOf(files)
  const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
  const scan = new LogDirectory(directory, bytesCodec).scan({ after })
  for await (const _ of scan) continue
  expect(filesOf(files)).toEqual(before)
  return scan.plan
}

/** A file that nothing names, with a header that fits this store. */
function putUnnamed(files: MemoryFileSystem, manifest: Manifest, fields: Partial<SegmentHeader>): string {
  const header: SegmentHeader = {
    salt: 77,
    storeId: Buffer.from(manifest.storeId, 'hex'),
    id: 50,
    epoch: manifest.epoch,
    firstSeq: 11,
    predecessor: { id: 999, lastSeq: (fields.firstSeq ?? 11) - 1, digest: 0 },
    machineVersion: 0,
    codec: 'bytes-1',
    ...fields,
  }
  const path = `${STORE}/wal/${segmentName(header.firstSeq, header.id)}`
  files.put(path, Buffer.concat([encodeSegmentHeader(header), Buffer.alloc(3584)]))
  return path
}

/** Without the segment that begins at a sequence, file and name. */
async function lose(files: MemoryFileSystem, manifest: Manifest, firstSeq: number): Promise<void> {
  const path = segmentsOf(files).find((name) => name.includes(`/${String(firstSeq).padStart(20, '0')}-`))
  await files.unlink(path as string)
  putManifest(files, {
    ...manifest,
    segments: manifest.segments.filter((segment) => segment.firstSeq !== firstSeq),
  })
}

const corrupt = (fields: object, message: string): object => ({
  code: 'CORRUPT',
  ...fields,
  message: expect.stringContaining(message) as unknown,
})

describe('the chain of segments is damaged', () => {
  it('where the first is missing and was not trimmed', async () => {
    const { files, paths, manifest } = await closed()
    await lose(files, manifest, 1)
    expect(await refusal(files)).toMatchObject(
      corrupt({ path: paths[1], seq: 4 }, 'the log begins at segment 2, and the one before it is missing'),
    )
  })

  it('where one in the middle is missing, also where a snapshot covers all of it', async () => {
    const { files, paths, manifest } = await closed()
    await lose(files, manifest, 4)
    const where = { path: paths[2], seq: 7 }
    expect(await refusal(files)).toMatchObject(corrupt(where, 'segment 3 does not continue any segment'))
    const { refusal: covered } = await planOf(files, 10)
    expect(covered).toMatchObject(corrupt(where, 'segment 1 ends at 3, segment 3 begins at 7'))
  })

  it('where two files have one id, also where a snapshot covers the one', async () => {
    const { files, paths } = await closed()
    const again = `${STORE}/wal/${segmentName(9, 2)}`
    files.put(again, files.snapshot().get(paths[1] as string) as Buffer)
    for (const after of [0, 10]) {
      const { refusal: refused } = await planOf(files, after)
      expect(refused).toMatchObject(corrupt({ path: again }, 'two files claim to be segment 2'))
    }
  })

  it.each<[string, (segment: ManifestSegment) => Partial<ManifestSegment>]>([
    ['at another sequence', ({ lastSeq = 0 }) => ({ lastSeq: lastSeq - 1 })],
    ['with another digest', ({ digest = 0 }) => ({ digest: digest ^ 1 })],
  ])('where the manifest ends a segment %s than its successor', async (_, change) => {
    const { files, paths, manifest } = await closed()
    const segments = manifest.segments.map((segment) =>
      segment.id === 2 ? { ...segment, ...change(segment) } : segment,
    )
    putManifest(files, { ...manifest, segments })
    expect(await refusal(files)).toMatchObject(
      corrupt({ path: paths[2], seq: 7 }, 'segment 3 continues segment 2 at 6, and the manifest ends that'),
    )
    // Of a segment that is stepped over it is as wrong.
    const { refusal: covered } = await planOf(files, 6)
    expect(covered).toMatchObject(corrupt({ path: paths[2] }, 'the manifest ends that one elsewhere'))
  })

  it('where epochs fall', async () => {
    const { files, paths, manifest } = await closed()
    putManifest(files, { ...manifest, epoch: 3 })
    edit(files, paths[1] as string, (bytes) =>
      reframe(bytes, 0, FORMAT_SEED, (payload) => void payload.writeBigUInt64LE(2n, 40)),
    )
    expect(await refusal(files)).toMatchObject(
      corrupt({ path: paths[2], seq: 7 }, 'segment 3 is of an older epoch than segment 2'),
    )
  })

  it('where several segments continue the last, and the manifest names none of them', async () => {
    const { files, manifest } = await closed()
    const { id, lastSeq = 0, digest = 0 } = manifest.segments.at(-1) as ManifestSegment
    const predecessor = { id, lastSeq, digest }
    const path = putUnnamed(files, manifest, { id: 50, predecessor })
    putUnnamed(files, manifest, { id: 51, predecessor })
    expect(await refusal(files)).toMatchObject(
      corrupt({ path }, 'several segments continue the same one: 50, 51'),
    )
  })
})

describe('of segments that nothing names', () => {
  it('one that continues the last counts: it was published just before a crash', async () => {
    const { files, manifest } = await closed()
    const { id, lastSeq = 0, digest = 0 } = manifest.segments.at(-1) as ManifestSegment
    const path = putUnnamed(files, manifest, { predecessor: { id, lastSeq, digest } })
    const { plan } = await recovered(files)
    expect(plan.segments.at(-1)).toMatchObject({ path, firstSeq: 11, lastSeq: 10 })
    expect(plan.ignored).toEqual([])
  })

  it.each<[string, (manifest: Manifest) => Partial<SegmentHeader>]>([
    ['links to nothing', () => ({})],
    ['begins the log beside one that is named', () => ({ firstSeq: 1 })],
    [
      'continues a segment beside one that is named',
      ({ segments: [, second] }) => {
        const { id, lastSeq = 0, digest = 0 } = second as ManifestSegment
        return { firstSeq: 7, predecessor: { id, lastSeq, digest } }
      },
    ],
  ])('one that %s is left alone', async (_, fields) => {
    const { files, manifest } = await closed()
    const path = putUnnamed(files, manifest, fields(manifest))
    const { plan, records, files: after } = await recovered(files)
    expect(records).toHaveLength(10)
    expect(plan.ignored).toMatchObject([{ path, remove: false }])
    expect(segmentsOf(after)).toContain(path)
  })

  it('one that begins with what was trimmed goes', async () => {
    const { files, manifest } = await closed()
    await lose(files, manifest, 1)
    const { segments } = manifest
    putManifest(files, { ...manifest, segments: segments.slice(1), trimmedThrough: 3 })
    const path = putUnnamed(files, manifest, { firstSeq: 3 })
    const { plan, records, files: after } = await recovered(files)
    expect(plan.ignored).toEqual([{ path, reason: 'trimmed', remove: true }])
    expect(records).toHaveLength(7)
    expect(segmentsOf(after)).not.toContain(path)
  })
})

describe('segments that a snapshot covers', () => {
  it('are not even opened, whatever they hold, and what follows them is', async () => {
    const { files, paths } = await closed()
    for (const path of paths.slice(0, 2)) edit(files, path, (bytes) => bytes.fill(0x77))
    const { refusal: refused, segments } = await planOf(files, 6)
    expect(refused).toBeUndefined()
    expect(segments.map(({ firstSeq, lastSeq, read }) => [firstSeq, lastSeq, read])).toEqual([
      [1, 3, false],
      [4, 6, false],
      [7, 9, true],
      [10, 10, true],
    ])
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path: paths[0] })
  })

  it('are known by their successors as well, where the manifest does not say yet that they are ended', async () => {
    const { files, manifest } = await closed()
    const { clean: _, ...open } = manifest
    const segments = manifest.segments.map(({ id, salt, firstSeq, bytes }) => ({ id, salt, firstSeq, bytes }))
    putManifest(files, { ...open, segments } as Manifest)
    const { refusal: refused, segments: found, batches } = await planOf(files, 6)
    expect(refused).toBeUndefined()
    expect(found.map(({ lastSeq, read }) => [lastSeq, read])).toEqual([
      [3, false],
      [6, false],
      [9, true],
      [10, true],
    ])
    expect(batches).toBe(4)
  })

  it('come in the order of their sequences; those whose records were all written again, before that', async () => {
    const { files, manifest } = await closed()
    // Ended where they begin: all that they held is in segment 2.
    const empty = [61, 60].map((id) => ({ id, salt: 1, firstSeq: 4, lastSeq: 3, digest: 5, bytes: 4096 }))
    putManifest(files, { ...manifest, nextId: 100, segments: [...manifest.segments, ...empty] })
    for (const id of [60, 61]) files.put(`${STORE}/wal/${segmentName(4, id)}`, Buffer.alloc(4096))
    const { refusal: refused, segments } = await planOf(files, 10)
    expect(refused).toBeUndefined()
    expect(segments.map(({ id }) => id)).toEqual([1, 60, 61, 2, 3, 4])
  })
})
