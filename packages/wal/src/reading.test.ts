import { bytesCodec } from '@holdfast/codec'
import { encodeFrame } from '@holdfast/framing'
import { memoryEnvironment, type MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, crashed, edit, putManifest } from './crashed-log.fixture.ts'
import { encodeFooter, type IndexEntry, KIND } from './format.ts'
import { hasMore } from './has-more.ts'
import { faultyMemory, openHarness, readAll, STORE, text, turns } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { Log } from './log.ts'
import type { ManifestSegment } from './manifest.ts'
import type { LogPlan } from './plan.ts'
import { StoreDirectory } from './store-directory.ts'

const SEGMENT = /\.wal/
type Files = ReturnType<typeof faultyMemory>['files']

/** Where segments were read. */
const positionsOf = (files: Files): number[] =>
  files.log.flatMap(({ call, path, position }) =>
    call === 'read' && SEGMENT.test(path) && position !== undefined ? position : [],
  )

/** Opens a store as one does that has a snapshot of all of it. */
async function openCovered(
  environment: ReturnType<typeof faultyMemory>,
  after: number,
): Promise<{ log: Log<Uint8Array, never>; close(): Promise<void> }> {
  const directory = await StoreDirectory.openForWriting(STORE, environment)
  const logs = new LogDirectory<Uint8Array, never>(directory, bytesCodec)
  const scan = logs.scan({ after })
  for await (const _ of scan) continue
  const log = await logs.open(scan.plan, { committed() {}, rejected() {} })
  const close = async (): Promise<void> => {
    await log.close()
    await directory.close()
  }
  return { log, close }
}

describe('a reader of an open log', () => {
  it('that follows it opens each segment once', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    await store.append(text(1, 900))
    await turns()
    environment.files.clearLog()
    const abort = new AbortController()
    const seen: number[] = []
    const following = (async () => {
      for await (const { lastSeq } of store.log.batches({ after: 0, follow: true, signal: abort.signal }))
        seen.push(lastSeq)
    })()
    for (let i = 2; i <= 6; i++) {
      await store.append(text(i, 900))
      await turns()
    }
    abort.abort()
    await following
    expect(seen).toEqual([1, 2, 3, 4, 5, 6])
    const opened = environment.files.log.filter(
      ({ call, path, mode }) => call === 'open' && SEGMENT.test(path) && mode === 'read',
    )
    expect(opened).toHaveLength(2)
    await store.close()
  })

  it('begins near what it wants, also in the segment that is written to', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 1024 * 1024 })
    for (let i = 1; i <= 40; i++) await store.append(text(i, 10_000))
    await turns()
    for (let i = 0; i < 2; i++) {
      environment.files.clearLog()
      expect(await readAll(store.log, 38)).toHaveLength(2)
      // Its header, and then what is wanted.
      const [header, ...rest] = positionsOf(environment.files)
      expect(header).toBe(0)
      expect(Math.min(...rest)).toBeGreaterThan(300_000)
    }
    await store.close()
  })

  it('looks up once where the batches of a segment are that is ended', async () => {
    const { files, manifest } = await closed()
    const environment = faultyMemory(files)
    const store = await openCovered(environment, 10)
    const footers = manifest.segments.map(({ footerOffset }) => footerOffset)
    const looked = async (): Promise<number> => {
      environment.files.clearLog()
      expect(await readAll(store.log)).toHaveLength(10)
      return positionsOf(environment.files).filter((position) => footers.includes(position)).length
    }
    expect(await looked()).toBe(4)
    expect(await looked()).toBe(0)
    await store.close()
  })
})

describe('a footer', () => {
  /** As `closed`, with another frame in the place of the first segment's footer. */
  async function ended(
    frameOf: (salt: number, payload: Buffer) => Buffer,
    index: IndexEntry[],
  ): Promise<ReturnType<typeof faultyMemory>> {
    const { files, paths, manifest } = await closed()
    const { footerOffset = 0, salt, digest = 0 } = manifest.segments[0] as ManifestSegment
    const footer = encodeFooter({ lastSeq: 3, count: 3, digest, index }, salt)
    const frame = frameOf(salt, footer.subarray(16, 16 + footer.readUInt32LE(4)))
    edit(files, paths[0] as string, (bytes) => Buffer.concat([bytes.subarray(0, footerOffset), frame]))
    const [first, ...rest] = manifest.segments as [ManifestSegment, ...ManifestSegment[]]
    const bytes = footerOffset + frame.length
    putManifest(files, { ...manifest, segments: [{ ...first, bytes }, ...rest] })
    return faultyMemory(files)
  }
  const footerOf = (salt: number, payload: Buffer): Buffer =>
    encodeFrame({ kind: KIND.footer, payload }, salt)
  const second = 512 + 952
  const end = 512 + 3 * 952 + 56

  it.each<[string, typeof footerOf, IndexEntry[]]>([
    ['points to the end of the file', footerOf, [{ seq: 1, offset: end }]],
    [
      'points between two batches with one of its entries',
      footerOf,
      [
        { seq: 1, offset: 512 },
        { seq: 2, offset: second + 8 + 1 },
      ],
    ],
    [
      'is a frame of another kind',
      (salt, payload) => encodeFrame({ kind: KIND.mark, payload }, salt),
      [{ seq: 1, offset: second }],
    ],
  ])('that %s is no reason to refuse what stands before it', async (_, frameOf, index) => {
    const store = await openCovered(await ended(frameOf, index), 10)
    for (const after of [0, 1, 2]) expect(await readAll(store.log, after)).toHaveLength(10 - after)
    await store.close()
  })
})

describe('hasMore', () => {
  async function passed(files: MemoryFileSystem): Promise<{ directory: StoreDirectory; plan: LogPlan }> {
    const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
    const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
    for await (const _ of scan) continue
    return { directory, plan: scan.plan }
  }

  it('says so of the first record, and not of a log that holds none', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment)
    const { directory, plan } = await passed(environment.files)
    expect(await hasMore(directory, plan)).toBe(false)
    await store.append('a')
    expect(await hasMore(directory, plan)).toBe(true)
    await store.close()
  })

  it('does not take a footer with an index for more', async () => {
    const { files, path, ends } = await crashed()
    const { directory, plan } = await passed(files)
    const { salt = 0, digest = 0 } = plan.segments[0] ?? {}
    const footer = encodeFooter({ lastSeq: 5, count: 5, digest, index: [{ seq: 1, offset: 512 }] }, salt)
    edit(files, path, (bytes) => void footer.copy(bytes, ends[4]))
    expect(await hasMore(directory, plan)).toBe(false)
  })

  it('opens what it looks into for reading', async () => {
    const { files } = await crashed()
    const { directory, plan } = await passed(files)
    const environment = faultyMemory(files)
    const looking = await StoreDirectory.openForReading(STORE, environment)
    expect(looking.manifest).toEqual(directory.manifest)
    expect(await hasMore(looking, plan)).toBe(false)
    const modes = environment.files.log.flatMap(({ mode }) => mode ?? [])
    expect(modes).toEqual(['read', 'read', 'read'])
  })
})
