import { mkdir, symlink } from 'node:fs/promises'
import { memoryEnvironment, MemoryFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
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
