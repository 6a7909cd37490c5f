import { bytesCodec } from '@holdfast/codec'
import { FrameDigest } from '@holdfast/framing'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, putManifest } from './crashed-log.fixture.ts'
import { encodeSegmentHeader } from './format.ts'
import { faultyMemory, openHarness, recovered, segmentsOf, STORE } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { Manifest, ManifestSegment } from './manifest.ts'
import type { LogPlan } from './plan.ts'
import { segmentName } from './segment-name.ts'
import { StoreDirectory } from './store-directory.ts'

const SALT = 77
const pathOf = (firstSeq: number, id: number): string => `${STORE}/wal/${segmentName(firstSeq, id)}`

/** As `closed`, with room for more, by a writer that died. */
async function died(): Promise<{ files: MemoryFileSystem; paths: string[]; manifest: Manifest }> {
  const { files, paths, manifest } = await closed()
  const { clean: _, ...open } = manifest
  const left = { ...open, nextId: 100 }
  putManifest(files, left)
  return { files, paths, manifest: left }
}

/** The header of segment `id`, behind sequence 10 in another one. */
function headerBehind(manifest: Manifest, id: number, predecessor: { id: number; digest: number }): Buffer {
  return encodeSegmentHeader({
    salt: SALT,
    storeId: Buffer.from(manifest.storeId, 'hex'),
    id,
    epoch: manifest.epoch,
    firstSeq: 11,
    predecessor: { ...predecessor, lastSeq: 10 },
    machineVersion: 0,
    codec: 'bytes-1',
  })
}

/** The last segment, as its successor names it. */
function lastOf({ segments }: Manifest): { id: number; digest: number } {
  const { id, digest = 0 } = segments.at(-1) as ManifestSegment
  return { id, digest }
}

const zerosBehind = (header: Buffer): Buffer => Buffer.concat([header, Buffer.alloc(3584)])

/** What a pass finds that wants nothing up to `after`. */
async function planOf(
  files: MemoryFileSystem,
  after: number,
  order: (names: string[]) => string[] = (names) => names,
): Promise<LogPlan> {
  const environment = faultyMemory(files)
  const list = environment.files.list.bind(environment.files)
  environment.files.list = async (path) => order(await list(path))
  const directory = await StoreDirectory.openForReading(STORE, environment)
  const scan = new LogDirectory(directory, bytesCodec).scan({ after })
  for await (const _ of scan) continue
  return scan.plan
}

describe('a file that a writer made, died over, and nothing names', () => {
  it.each([
    ['the file is empty', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(4096)],
    ['truncated', Buffer.alloc(8)],
  ])('goes where it holds nothing, and the plan says what is wrong with it: %s', async (fault, bytes) => {
    const { files } = await died()
    const path = pathOf(0, 60)
    files.put(path, bytes)
    const { plan, files: after } = await recovered(files)
    const reason = `no segment: ${fault}, and the manifest does not name it`
    expect(plan.ignored).toEqual([{ path, reason, remove: true }])
    expect(segmentsOf(after)).not.toContain(path)
  })
})

describe('a segment that was begun under the name of a prepared one', () => {
  it.each([
    ['the manifest names as prepared', [{ id: 60, salt: SALT, bytes: 4096 }]],
    ['nothing names', []],
  ])('goes where nothing follows in it or behind it: one that %s', async (_, named) => {
    const { files, manifest } = await died()
    const path = pathOf(0, 60)
    files.put(path, zerosBehind(headerBehind(manifest, 60, lastOf(manifest))))
    putManifest(files, { ...manifest, segments: [...manifest.segments, ...named] })
    const { plan, records, files: after } = await recovered(files)
    expect(plan.ignored).toEqual([{ path, reason: 'begun, and nothing was written to it', remove: true }])
    expect(records).toHaveLength(10)
    expect(segmentsOf(after)).not.toContain(path)
  })

  it('counts where the manifest says that it was', async () => {
    const { files, manifest } = await died()
    const path = pathOf(0, 60)
    files.put(path, zerosBehind(headerBehind(manifest, 60, lastOf(manifest))))
    const entry = { id: 60, salt: SALT, firstSeq: 11, bytes: 4096 }
    putManifest(files, { ...manifest, segments: [...manifest.segments, entry] })
    const plan = await planOf(files, 0)
    expect(plan).toMatchObject({ refusal: undefined, lastSeq: 10, ignored: [] })
    expect(plan.segments.at(-1)).toMatchObject({ path, firstSeq: 11, lastSeq: 10 })
  })

  it('counts where another continues it: what it could not take was written there', async () => {
    const { files, manifest } = await died()
    const header = headerBehind(manifest, 60, lastOf(manifest))
    const digest = new FrameDigest()
    digest.add(header.readUInt32LE(12))
    files.put(pathOf(0, 60), zerosBehind(header))
    files.put(pathOf(11, 61), zerosBehind(headerBehind(manifest, 61, { id: 60, digest: digest.value })))
    const entry = { id: 60, salt: SALT, bytes: 4096 }
    putManifest(files, { ...manifest, segments: [...manifest.segments, entry] })
    const ids = [1, 2, 3, 4, 60, 61]
    const first = await recovered(files)
    expect(first.plan.segments.map(({ id }) => id)).toEqual(ids)
    const again = await recovered(first.files)
    expect(again.plan.segments.map(({ id }) => id)).toEqual(ids)
    expect(again.records).toHaveLength(10)
  })

  it('may be the first of all, and hold nothing, wherever its writer dies that goes on behind it', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    // The header is written, and the batch behind it is not.
    environment.files.fail({ on: 'writeThrough', path: /\.wal/, nth: 2, fault: { errno: 'EIO' } })
    const left: ReadonlyMap<string, Buffer>[] = []
    const before = (): void => void left.push(environment.memory.snapshot())
    environment.files.fail({ on: ['open', 'rename', 'syncDirectory'], times: Infinity, fault: { before } })
    expect(await store.append('a')).toBe(1)
    await store.close()
    before()
    const found: string[] = []
    for (const files of left) {
      const { plan, records } = await recovered(MemoryFileSystem.of(files))
      found.push(`${records.join()} in ${plan.segments.map(({ id }) => id).join()}`)
    }
    // Nothing has been begun, or the one, or the other is there as well.
    expect([...new Set(found)]).toEqual([' in ', ' in 1', '1:a in 1,2'])
    // Nor need the manifest name them: each says itself which one it continues.
    const { segments: _, ...rest } = store.directory.manifest
    putManifest(environment.memory, { ...rest, segments: [] })
    expect((await recovered(environment.memory)).records).toEqual(['1:a'])
  })
})

describe('a segment that the manifest names and that is missing is damage', () => {
  it.each([
    ['where others are covered by a snapshot', 3, undefined],
    ['where files are there that do not belong', 0, `${STORE}/wal/notes.txt`],
  ])('also %s', async (_, after, stray) => {
    const { files, paths } = await died()
    await files.unlink(paths[3] as string)
    for (const path of stray === undefined ? [] : [stray]) files.put(path, Buffer.from('notes'))
    const { refusal } = await planOf(files, after)
    expect(refusal).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('segment 4 is missing') as unknown,
    })
  })
})

describe('a segment that a snapshot covers', () => {
  it.each<[string, 'bytes' | 'firstSeq']>([
    ['its size', 'bytes'],
    ['where it begins', 'firstSeq'],
  ])('is looked into where the manifest does not say %s', async (_, field) => {
    const { files, paths, manifest } = await died()
    const path = pathOf(0, 2)
    await files.rename(paths[1] as string, path)
    const segments = manifest.segments.map((segment) => ({ ...segment }))
    delete (segments[1] as { bytes?: number; firstSeq?: number })[field]
    putManifest(files, { ...manifest, segments })
    const plan = await planOf(files, 6)
    expect(plan.refusal).toBeUndefined()
    expect(plan.segments[1]).toMatchObject({
      path,
      firstSeq: 4,
      lastSeq: 6,
      bytes: files.snapshot().get(path)?.length,
    })
  })

  it('stands behind another that holds as little as it by its id, whatever the names are', async () => {
    const { files, manifest } = await died()
    const empty = [50, 51].map((id) => ({ id, salt: 1, firstSeq: 11, lastSeq: 10, digest: id, bytes: 512 }))
    // The one has its own name by now, the other has not.
    files.put(pathOf(11, 50), Buffer.alloc(512))
    files.put(pathOf(0, 51), Buffer.alloc(512))
    files.put(pathOf(11, 52), zerosBehind(headerBehind(manifest, 52, { id: 51, digest: 51 })))
    putManifest(files, { ...manifest, segments: [...manifest.segments, ...empty] })
    const { refusal, segments } = await planOf(files, 10)
    expect(refusal).toBeUndefined()
    expect(segments.map(({ id }) => id)).toEqual([1, 2, 3, 4, 50, 51, 52])
  })
})

it('in which order the file system lists what is there makes no difference', async () => {
  const { files } = await died()
  for (const name of ['notes.txt', 'a', segmentName(0, 60), segmentName(0, 61)])
    files.put(`${STORE}/wal/${name}`, Buffer.alloc(0))
  const sorted = await planOf(files, 0, (names) => names.sort())
  expect(sorted.ignored).toHaveLength(4)
  expect(await planOf(files, 0, (names) => names.sort().reverse())).toEqual(sorted)
})
