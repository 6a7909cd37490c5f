import { mkdir, symlink } from 'node:fs/promises'
import { memoryEnvironment, MemoryFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { STORE } from './log-harness.fixture.ts'
import { StoreDirectory } from './store-directory.ts'
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
