import { bytesCodec } from '@holdfast/codec'
import type { Environment } from '@holdfast/environment'
import { encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, edit, putManifest, reframe, saltOf } from './crashed-log.fixture.ts'
import {
  deferred,
  faultyMemory,
  type Harness,
  openHarness,
  readAll,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { ManifestSegment } from './manifest.ts'
import { StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

describe('the name of a segment', () => {
  it('is its own also where the system said that it could not be given, and gave it', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    environment.files.fail({
      on: 'rename',
      path: /\.wal$/,
      times: Infinity,
      fault: { errno: 'EIO', made: true },
    })
    for (let i = 1; i <= 8; i++) await store.append(text(i, 900))
    await turns()
    expect(await readAll(store.log)).toHaveLength(8)
    expect(await store.log.trim(6)).toMatchObject({ firstSeq: 7, segments: 2 })
    // Those two are gone, under whatever name. One is used, and one is prepared.
    expect(segmentsOf(environment.memory)).toHaveLength(2)
    expect(store.warnings).toEqual([])
    await store.close()
  })

  it('is looked for under both while it changes', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    // Made, and its caller has not heard of it yet.
    const renamed = deferred()
    const { files } = environment
    const rename = files.rename.bind(files)
    files.rename = async (from, to) => {
      await rename(from, to)
      if (to.endsWith('.wal')) await renamed.promise
    }
    await store.append('a')
    await turns()
    expect(await readAll(store.log)).toEqual(['1:a'])
    renamed.resolve()
    await store.close()
  })
})

describe('a segment of an open log that cannot be read any more', () => {
  /** An open log with the segments [1-3] and [4-6], after its first segment has changed. */
  async function changed(
    change: (bytes: Buffer) => Buffer | void,
  ): Promise<{ store: Harness; path: string }> {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 6; i++) await store.append(text(i, 900))
    await turns()
    const path = segmentsOf(environment.memory).find((name) => name.includes('0001-')) as string
    edit(environment.memory, path, change)
    return { store, path }
  }
  const second = 512 + 952

  it.each<[string, (bytes: Buffer) => Buffer | void, string]>([
    ['is gone', (bytes) => bytes.fill(0, 0, 512), 'its header changed: it cannot be read'],
    [
      'is that of no segment',
      (bytes) => reframe(bytes, 0, FORMAT_SEED, (payload) => payload.fill(0, 0, 8)),
      'its header changed: not the header of a log segment',
    ],
    [
      'is that of another segment',
      (bytes) => reframe(bytes, 0, FORMAT_SEED, (payload) => void payload.writeUInt32LE(1, 12)),
      'its header changed: another salt',
    ],
  ])('is CORRUPT where its header %s', async (_, change, message) => {
    const { store, path } = await changed(change)
    await expect(readAll(store.log)).rejects.toMatchObject({
      code: 'CORRUPT',
      path,
      offset: 0,
      seq: 1,
      message: expect.stringContaining(message) as unknown,
    })
    // What stands in the others is there as before, and so is the log.
    expect(await readAll(store.log, 3)).toHaveLength(3)
    expect(await store.append('seven')).toBe(7)
    await store.close()
  })

  it.each<[string, (bytes: Buffer) => Buffer | void, string]>([
    ['is damaged', (bytes) => void bytes.writeUInt8(1, second + 100), 'payload-checksum'],
    ['is lost with all behind it', (bytes) => bytes.subarray(0, second), 'truncated'],
    [
      'has fields that cannot be',
      (bytes) => reframe(bytes, second, saltOf(bytes), (payload) => void payload.writeUInt32LE(0, 24)),
      'a batch with fields that cannot be',
    ],
    [
      'has another sequence',
      (bytes) => reframe(bytes, second, saltOf(bytes), (payload) => void payload.writeBigUInt64LE(3n, 0)),
      'sequence 3 follows 1',
    ],
  ])('is CORRUPT at the batch that %s, behind what stands before it', async (_, change, message) => {
    const { store, path } = await changed(change)
    const seen: number[] = []
    const reading = (async () => {
      for await (const { lastSeq } of store.log.batches({ after: 0 })) seen.push(lastSeq)
    })()
    await expect(reading).rejects.toMatchObject({
      code: 'CORRUPT',
      path,
      offset: second,
      seq: 2,
      message: expect.stringContaining(message) as unknown,
    })
    expect(seen).toEqual([1])
    await store.close()
  })

  it('is IO_ERROR where somebody has removed it', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    await store.append('a')
    await turns()
    const [path] = segmentsOf(environment.memory) as [string]
    await environment.memory.unlink(path)
    await expect(readAll(store.log)).rejects.toMatchObject({
      code: 'IO_ERROR',
      path,
      details: { errno: 'ENOENT' },
    })
    await store.close()
  })

  it('is GAP where it is trimmed while it is looked for, whatever the file system says', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 13; i++) await store.append(text(i, 900))
    await turns()
    for (const [after, errno] of [
      [0, 'ENOENT'],
      [6, 'EPERM'],
    ] as const) {
      const before = async (): Promise<void> => {
        await store.log.trim(after + 6)
        throw Object.assign(new Error(errno), { code: errno })
      }
      environment.files.fail({
        on: 'open',
        path: new RegExp(`000${after + 1}-`),
        fault: { before },
      })
      await expect(store.log.batches({ after, maxPinnedBytes: 0 }).next()).rejects.toMatchObject({
        code: 'GAP',
        requestedSeq: after + 1,
        firstSeq: after + 7,
      })
    }
    await store.close()
  })

  it.each(['open', 'read'] as const)(
    'is IO_ERROR where the disk fails at %s, and only then',
    async (call) => {
      const environment = faultyMemory()
      const store = await openHarness(environment, options)
      for (let i = 1; i <= 6; i++) await store.append(text(i, 900))
      await turns()
      for (let nth = 1; ; nth++) {
        const rule = environment.files.fail({ on: call, path: /0001-/, nth, fault: { errno: 'EIO' } })
        const result = await readAll(store.log).catch((error: unknown) => error)
        rule.remove()
        if (rule.hits === 0) break
        expect(result).toMatchObject({ code: 'IO_ERROR', details: { errno: 'EIO' } })
        expect(await readAll(store.log)).toHaveLength(6)
      }
      await store.close()
      expect(environment.files.openFiles).toBe(0)
    },
  )
})

/** Opens a store as one does that has a snapshot at `after`: no segment up to there is looked into. */
async function openCovered(
  environment: Environment,
  after: number,
): Promise<{ read(after: number): Promise<string[]>; close(): Promise<void> }> {
  const directory = await StoreDirectory.openForWriting(STORE, environment)
  const logs = new LogDirectory<Uint8Array, never>(directory, bytesCodec, options)
  const scan = logs.scan({ after })
  for await (const _ of scan) continue
  const log = await logs.open(scan.plan, { committed() {}, rejected() {} })
  return {
    read: (from) => readAll(log, from),
    async close() {
      await log.close()
      await directory.close()
    },
  }
}

it('a segment that was read and cannot be closed takes nothing away from what was read', async () => {
  const environment = faultyMemory()
  const store = await openHarness(environment, options)
  for (let i = 1; i <= 6; i++) await store.append(text(i, 900))
  await turns()
  const rule = environment.files.fail({ on: 'close', times: Infinity, fault: { errno: 'EIO' } })
  expect(await readAll(store.log)).toHaveLength(6)
  expect(rule.hits).toBe(2)
  // Nor does it hide why one could not be read.
  environment.files.fail({ on: 'read', fault: { errno: 'EACCES' } })
  await expect(readAll(store.log)).rejects.toMatchObject({ details: { errno: 'EACCES' } })
  environment.files.clearRules()
  await store.close()
})

describe('a segment that a snapshot covers', () => {
  it('is read like any other', async () => {
    const { files } = await closed()
    const store = await openCovered(memoryEnvironment(files, 3), 10)
    for (const after of [0, 1, 3, 8]) expect(await store.read(after)).toHaveLength(10 - after)
    await store.close()
  })

  it('is read from near the batch that is wanted on', async () => {
    const { files } = memoryEnvironment()
    const written = await openHarness(memoryEnvironment(files), { segmentBytes: 1024 * 1024 })
    for (let i = 1; i <= 40; i++) await written.append(text(i, 10_000))
    await written.close()
    const environment = faultyMemory(files)
    const store = await openCovered(environment, 40)
    environment.files.clearLog()
    expect(await store.read(38)).toHaveLength(2)
    const positions = environment.files.log.flatMap(({ position }) => position ?? [])
    // Its header, and then its footer and what is wanted.
    expect(positions[0]).toBe(0)
    expect(Math.min(...positions.slice(1))).toBeGreaterThan(300_000)
    await store.close()
  })

  it('is CORRUPT where it ends before the sequence that the manifest ends it with', async () => {
    const { files, paths, manifest } = await closed()
    const last = manifest.segments.at(-1) as ManifestSegment
    putManifest(files, {
      ...manifest,
      segments: [...manifest.segments.slice(0, -1), { ...last, lastSeq: 11 }],
    })
    const store = await openCovered(memoryEnvironment(files, 3), 11)
    await expect(store.read(9)).rejects.toMatchObject({
      code: 'CORRUPT',
      path: paths.at(-1),
      seq: 11,
      message: expect.stringContaining('it ends early') as unknown,
    })
    await store.close()
  })

  it.each<[string, (frame: Buffer, salt: number) => Buffer]>([
    ['begins nowhere', (frame, salt) => indexAt(frame, salt, 0)],
    ['begins between frames', (frame, salt) => indexAt(frame, salt, 513)],
    ['begins behind the end', (frame, salt) => indexAt(frame, salt, 2 ** 40)],
    ['has fields that cannot be', (frame, salt) => indexAt(frame, salt, 2 ** 53)],
    ['is no footer', (frame, salt) => encodeFrame({ kind: 3, payload: frame.subarray(16) }, salt)],
    ['is damaged', (frame) => frame.fill(1, 20)],
  ])('is read from its beginning where its footer %s', async (_, change) => {
    const { files, paths, manifest } = await closed()
    const { footerOffset = 0, salt } = manifest.segments[0] as ManifestSegment
    edit(files, paths[0] as string, (bytes) =>
      Buffer.concat([
        bytes.subarray(0, footerOffset),
        change(Buffer.from(bytes.subarray(footerOffset)), salt),
      ]),
    )
    const store = await openCovered(memoryEnvironment(files, 3), 10)
    expect(await store.read(1)).toHaveLength(9)
    await store.close()
  })

  it.each([0, 513, 2 ** 40])(
    'is read from its beginning where the manifest has its footer at %d',
    async (at) => {
      const { files, manifest } = await closed()
      const [first, ...rest] = manifest.segments as [ManifestSegment, ...ManifestSegment[]]
      putManifest(files, { ...manifest, segments: [{ ...first, footerOffset: at }, ...rest] })
      const store = await openCovered(memoryEnvironment(files, 3), 10)
      expect(await store.read(1)).toHaveLength(9)
      await store.close()
    },
  )
})

/** A footer whose first batch stands elsewhere. */
function indexAt(footer: Buffer, salt: number, offset: number): Buffer {
  reframe(footer, 0, salt, (payload) => void payload.writeBigUInt64LE(BigInt(offset), 32))
  return footer
}
