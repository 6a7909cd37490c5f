import { mkdir, readdir, rename, symlink } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { bytesCodec } from '@holdfast/codec'
import { nodeEnvironment } from '@holdfast/environment'
import { encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { memoryEnvironment, MemoryFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { encodeFooter, encodeMark, encodeSegmentHeader } from './format.ts'
import { segmentName } from './segment-name.ts'
import {
  faultyMemory,
  filesOf,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { crashed, edit } from './crashed-log.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { encodeManifest, type Manifest, type ManifestSegment } from './manifest.ts'
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
})

describe('files that do not belong', () => {
  it('are left alone, and temporary ones and prepared ones that were never used are removed', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 3; i++) await store.append(text(i, 900))
    await turns()
    const files = MemoryFileSystem.of(environment.files.snapshot())
    const foreign = [`${STORE}/wal/notes.txt`, `${STORE}/wal/${segmentName(5, 500)}`, `${STORE}/other`]
    for (const path of foreign) files.put(path, Buffer.from('not ours'))
    const leftovers = [
      `${STORE}/wal/${segmentName(4, 400)}.0123456789abcdef.tmp`,
      `${STORE}/MANIFEST.0123456789abcdef.tmp`,
      `${STORE}/wal/${segmentName(0, 401)}`,
    ]
    for (const path of leftovers) files.put(path, Buffer.alloc(64))
    const after = await recovered(files)
    const left = [...after.files.snapshot().keys()]
    for (const path of foreign) expect(left).toContain(path)
    for (const path of leftovers) expect(left).not.toContain(path)
    expect(after.plan.ignored.map(({ reason }) => reason)).toContain('prepared, and never used')
    expect(after.records).toHaveLength(3)
    await store.close()
  })

  it('a newer format is refused with nothing changed: manifest, segment header, frame', async () => {
    const { files, path, ends } = await crashed()
    const manifest = await readManifest(memoryEnvironment(files), STORE)
    const salt = manifest?.segments[0]?.salt as number
    const newer: Record<string, (copy: MemoryFileSystem) => void> = {
      manifest: (copy) =>
        edit(copy, `${STORE}/MANIFEST`, (bytes) => reframed(bytes, (payload) => payload.writeUInt16LE(2, 8))),
      header: (copy) =>
        edit(copy, path, (bytes) => reframed(bytes, (payload) => payload.writeUInt16LE(2, 8))),
      version: (copy) =>
        edit(copy, path, (bytes) => {
          const frame = encodeFrame({ kind: 2, payload: Buffer.from('?') }, salt)
          frame.writeUInt8(2, 0)
          frame.writeUInt32LE(crc32(frame.subarray(0, 12), salt), 12)
          frame.copy(bytes, ends[4])
        }),
      kind: (copy) =>
        edit(
          copy,
          path,
          (bytes) => void encodeFrame({ kind: 9, payload: Buffer.from('?') }, salt).copy(bytes, ends[4]),
        ),
      flags: (copy) =>
        edit(
          copy,
          path,
          (bytes) =>
            void encodeFrame({ kind: 2, flags: 1, payload: Buffer.from('?') }, salt).copy(bytes, ends[4]),
        ),
    }
    for (const [name, change] of Object.entries(newer)) {
      const copy = MemoryFileSystem.of(files.snapshot())
      change(copy)
      const before = filesOf(copy)
      const error = await openHarness(memoryEnvironment(copy)).catch((refusal: unknown) => refusal)
      expect(error, `${name}`).toMatchObject({ code: 'UNSUPPORTED_FORMAT' })
      expect(filesOf(copy), `${name}`).toEqual(before)
    }
    // A kind that says of itself that it may be skipped is.
    const skippable = MemoryFileSystem.of(files.snapshot())
    edit(
      skippable,
      path,
      (bytes) => void encodeFrame({ kind: 0x81, payload: Buffer.from('later') }, salt).copy(bytes, ends[4]),
    )
    expect((await recovered(skippable)).records).toEqual(records(5))
  })

  it('a footer that lies about where batches begin, or a manifest about where it is, makes no record unreadable', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 4; i++) await store.append(text(i, 100))
    await store.close()
    const path = segmentsOf(environment.files)[0] as string
    const manifest = (await readManifest(environment, STORE)) as Manifest
    const [segment] = manifest.segments as [ManifestSegment]
    const { salt, digest = 0, footerOffset = 0 } = segment
    const footer = (offset: number): Buffer =>
      encodeFooter({ lastSeq: 4, count: 4, digest, index: [{ seq: 1, offset }] }, salt)
    const lies = [
      ...[0, 513, 2 ** 40].map((offset) => ({ [path]: footer(offset) })),
      ...[513, 2 ** 40].map((at) => ({
        [`${STORE}/MANIFEST`]: encodeManifest(
          { ...manifest, segments: [{ ...segment, footerOffset: at }] },
          7,
        ),
      })),
    ]
    for (const lie of lies) {
      const files = MemoryFileSystem.of(environment.files.snapshot())
      for (const [file, bytes] of Object.entries(lie)) {
        const old = files.snapshot().get(file) as Buffer
        files.put(file, file === path ? Buffer.concat([old.subarray(0, footerOffset), bytes]) : bytes)
      }
      const again = await openHarness(memoryEnvironment(files, 2), options)
      expect(await readAll(again.log)).toEqual(records(4))
      await again.close()
    }
  })

  it('a first segment whose header is damaged is corruption, never an empty log', async () => {
    const { files, path } = await crashed()
    edit(files, path, (bytes) => bytes.fill(0, 0, 512))
    await expect(openHarness(memoryEnvironment(files))).rejects.toMatchObject({ code: 'CORRUPT', path })
  })

  it('a segment that claims an epoch of the future is corruption: the manifest is an old one', async () => {
    const { files } = await crashed()
    const manifest = await readManifest(memoryEnvironment(files), STORE)
    const header = encodeSegmentHeader({
      salt: 1,
      storeId: Buffer.from(manifest?.storeId ?? '', 'hex'),
      id: 50,
      epoch: 9,
      firstSeq: 6,
      predecessor: { id: 1, lastSeq: 5, digest: 0 },
      machineVersion: 0,
      codec: 'bytes-1',
    })
    files.put(`${STORE}/wal/${segmentName(6, 50)}`, header)
    await expect(openHarness(memoryEnvironment(files))).rejects.toMatchObject({ code: 'CORRUPT' })
    // One of another store proves nothing about this one.
    header.writeUInt8(header.readUInt8(32) ^ 1, 32)
    const foreign = reframed(header, () => {})
    files.put(`${STORE}/wal/${segmentName(6, 50)}`, foreign)
    expect((await recovered(files)).records).toEqual(records(5))
  })

  it('the first segment of another store is not the log of one that has none', async () => {
    const environment = memoryEnvironment()
    await (await openHarness(environment, options)).close()
    const theirs = memoryEnvironment(undefined, 77)
    const other = await openHarness(theirs, options)
    await other.append('theirs')
    await other.close()
    for (const [path, bytes] of theirs.files.snapshot())
      if (path.endsWith('.wal')) environment.files.put(path, bytes)
    const after = await recovered(environment.files)
    expect(after.records).toEqual([])
    expect(after.plan.ignored).toMatchObject([{ reason: 'it belongs to another store', remove: false }])
  })

  it('a symlink in the place of a segment or of wal/ is not followed', async () => {
    const directory = await temporaryDirectory()
    const path = `${directory.path}/store`
    const store = await openHarness(nodeEnvironment, options, path)
    await store.append('a')
    await store.close()
    const [name] = (await readdir(`${path}/wal`)) as [string]
    await rename(`${path}/wal/${name}`, `${directory.path}/segment`)
    await symlink(`${directory.path}/segment`, `${path}/wal/${name}`)
    await expect(openHarness(nodeEnvironment, options, path)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    await rename(`${path}/wal`, `${directory.path}/wal`)
    await symlink(`${directory.path}/wal`, `${path}/wal`)
    await expect(openHarness(nodeEnvironment, options, path)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    await mkdir(`${directory.path}/empty`)
    await symlink(`${directory.path}/empty`, `${directory.path}/fresh`)
    await directory.remove()
  })
})

/** The first frame with another payload under right checksums. */
function reframed(bytes: Buffer, change: (payload: Buffer) => void): Buffer {
  const length = bytes.readUInt32LE(4)
  const payload = Buffer.from(bytes.subarray(16, 16 + length))
  change(payload)
  encodeFrame({ kind: bytes.readUInt8(1), payload }, FORMAT_SEED).copy(bytes)
  return bytes
}
