import { mkdir, symlink } from 'node:fs/promises'
import { memoryEnvironment, MemoryFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { closed, putManifest } from './crashed-log.fixture.ts'
import { MAX_ID, segmentName } from './segment-name.ts'
import { STORE } from './log-harness.fixture.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'
import { Wal } from './wal.ts'

it('never gives an id again, also where the writer died before anything named the file that has it', async () => {
  let files = new MemoryFileSystem()
  const given: number[] = []
  for (const count of [3, 200, 3]) {
    const directory = await StoreDirectory.openForWriting(STORE, memoryEnvironment(files))
    await directory.beginEpoch()
    for (let i = 0; i < count; i++) given.push(await directory.nextId())
    // It dies here: files that it made and removed may come back, and the manifest is what it was.
    files = MemoryFileSystem.of(files.snapshot())
  }
  expect(new Set(given).size).toBe(206)
})

it('refuses to write, with nothing changed, where a file or the manifest leaves no numbers', async () => {
  const files = new MemoryFileSystem()
  const wal = await Wal.open(STORE, { environment: memoryEnvironment(files) })
  await wal.append(new Uint8Array(1))
  await wal.close()
  const manifest = (await readManifest(memoryEnvironment(files), STORE)) as Manifest
  const stray = `${STORE}/wal/${segmentName(1, MAX_ID)}`
  const cases: [string, Uint8Array, string][] = [
    [stray, Buffer.alloc(8), 'FOREIGN_FILE'],
    [`${STORE}/MANIFEST`, encodeManifest({ ...manifest, nextId: MAX_ID }, 1), 'MANIFEST_CORRUPT'],
    [
      `${STORE}/MANIFEST`,
      encodeManifest({ ...manifest, epoch: Number.MAX_SAFE_INTEGER }, 1),
      'MANIFEST_CORRUPT',
    ],
    // Ids that it has not given yet: a writer would give them again.
    [`${STORE}/MANIFEST`, encodeManifest({ ...manifest, nextId: 1 }, 1), 'MANIFEST_CORRUPT'],
  ]
  for (const [path, bytes, code] of cases) {
    const copy = MemoryFileSystem.of(files.snapshot())
    copy.put(path, bytes)
    const before = copy.snapshot()
    await expect(Wal.open(STORE, { environment: memoryEnvironment(copy) })).rejects.toMatchObject({ code })
    expect(copy.snapshot()).toEqual(before)
  }
})

it('gives the last id that a name has room for, and none after it', async () => {
  const files = new MemoryFileSystem()
  const wal = await Wal.open(STORE, { environment: memoryEnvironment(files) })
  await wal.close()
  const manifest = (await readManifest(memoryEnvironment(files), STORE)) as Manifest
  putManifest(files, { ...manifest, nextId: MAX_ID - 64 })
  const directory = await StoreDirectory.openForWriting(STORE, memoryEnvironment(files))
  await directory.beginEpoch()
  for (let id = MAX_ID - 64; id <= MAX_ID; id++) expect(await directory.nextId()).toBe(id)
  await expect(directory.nextId()).rejects.toMatchObject({ code: 'FAILED' })
  // What it has written can be read.
  await directory.close()
  expect(await readManifest(memoryEnvironment(files), STORE)).toMatchObject({ nextId: MAX_ID + 1 })
})

it('writes its manifest only between the beginning of its epoch and its close', async () => {
  const files = new MemoryFileSystem()
  const directory = await StoreDirectory.openForWriting(STORE, memoryEnvironment(files))
  const update = (): Promise<void> => directory.update((manifest) => ({ ...manifest, trimmedThrough: 7 }))
  await expect(update()).rejects.toMatchObject({ code: 'CLOSED' })
  expect([...files.snapshot().keys()]).toEqual([])
  await directory.beginEpoch()
  await update()
  await directory.close()
  await expect(update()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(await readManifest(memoryEnvironment(files), STORE)).toMatchObject({ epoch: 1, trimmedThrough: 7 })
})

it('tells a reader that the store has gone', async () => {
  const files = new MemoryFileSystem()
  await (await Wal.open(STORE, { environment: memoryEnvironment(files) })).close()
  const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
  await directory.reload()
  await files.unlink(`${STORE}/MANIFEST`)
  await expect(directory.reload()).rejects.toMatchObject({ code: 'NO_STORE', path: STORE })
  expect(directory.manifest.epoch).toBe(1)
})

it('refuses a manifest that is larger than any can be before it takes memory for it', async () => {
  const environment = memoryEnvironment()
  await (await Wal.open(STORE, { environment })).close()
  const open = environment.files.open.bind(environment.files)
  environment.files.open = async (path, mode) => {
    const file = await open(path, mode)
    if (path.endsWith('MANIFEST')) file.size = async () => 2 ** 45
    return file
  }
  await expect(Wal.open(STORE, { environment })).rejects.toMatchObject({
    code: 'MANIFEST_CORRUPT',
    path: `${STORE}/MANIFEST`,
  })
})

it('refuses snapshots without a manifest as it does segments', async () => {
  const files = new MemoryFileSystem()
  files.put(`${STORE}/snapshots/${'7'.padStart(20, '0')}-${'3'.padStart(10, '0')}.snap`, Buffer.alloc(8))
  files.put(`${STORE}/snapshots/notes.txt`, Buffer.alloc(8))
  const before = files.snapshot()
  for (const open of ['openForWriting', 'openForReading'] as const) {
    await expect(StoreDirectory[open](STORE, memoryEnvironment(files))).rejects.toMatchObject({
      code: 'MANIFEST_MISSING',
      details: { segments: 0, snapshots: 1 },
    })
  }
  expect(files.snapshot()).toEqual(before)
})

it('refuses a segment without a manifest under a name that is none, too: it may be all that is left', async () => {
  const { files, paths } = await closed()
  for (const path of [...paths, `${STORE}/MANIFEST`]) if (path !== paths.at(-1)) await files.unlink(path)
  await files.rename(paths.at(-1) as string, `${STORE}/wal/${'1'.padStart(20, '0')}-${'0'.repeat(10)}.wal`)
  const before = files.snapshot()
  for (const open of ['openForWriting', 'openForReading'] as const)
    await expect(StoreDirectory[open](STORE, memoryEnvironment(files))).rejects.toMatchObject({
      code: 'MANIFEST_MISSING',
      details: { segments: 1, snapshots: 0 },
    })
  expect(files.snapshot()).toEqual(before)
})

it('says why it was refused, also where the lock cannot be given back', async () => {
  const { files, paths } = await closed()
  const locks = { acquire: async () => ({ release: () => Promise.reject(new Error('no lock')) }) }
  const environment = { ...memoryEnvironment(files), locks }
  await files.unlink(paths[0] as string)
  await expect(Wal.open(STORE, { environment })).rejects.toMatchObject({ code: 'CORRUPT' })
  await files.unlink(`${STORE}/MANIFEST`)
  await expect(Wal.open(STORE, { environment })).rejects.toMatchObject({ code: 'MANIFEST_MISSING' })
})

it('may be reached through a symbolic link', async () => {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(remove)
  await mkdir(`${path}/there`)
  await symlink(`${path}/there`, `${path}/link`)
  for (const seq of [1, 2]) {
    const wal = await Wal.open(`${path}/link`)
    expect(await wal.append(new Uint8Array(1))).toBe(seq)
    await wal.close()
  }
})
