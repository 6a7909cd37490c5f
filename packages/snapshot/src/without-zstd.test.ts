import { temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, expect, it, vi } from 'vitest'
import { codeOf, publish, restore } from './snapshots.fixture.ts'
import { SnapshotDirectory } from './snapshot-directory.ts'

/** As Node.js 20 has it: no zstd. */
const runtime = vi.hoisted(() => ({ hasZstd: true }))
vi.mock(import('./compression.ts'), async (original) => {
  const compression = await original()
  return {
    ...compression,
    get zstd() {
      return runtime.hasZstd ? compression.zstd : undefined
    },
  }
})
afterEach(() => {
  runtime.hasZstd = true
})

it('on a runtime without zstd a compressed snapshot is unsupported, not corrupt, and nothing is changed', async () => {
  const directory = await temporaryDirectory()
  const store = await SnapshotDirectory.open(directory.path, { compression: 'zstd' })
  const values = ['text that is there again and again. '.repeat(100)]
  const compressed = await publish(store, values, 2)
  const plain = await publish(await SnapshotDirectory.open(directory.path), values, 1)
  const reader = await store.open(compressed)

  runtime.hasZstd = false
  expect(await codeOf(store.open(compressed))).toBe('UNSUPPORTED')
  expect(await codeOf(reader.verify())).toBe('UNSUPPORTED')
  expect(await codeOf(SnapshotDirectory.open(directory.path, { compression: 'zstd' }))).toBe('UNSUPPORTED')
  expect(await restore(store, plain)).toEqual(values)
  expect(await store.cleanTemporaries()).toEqual([])

  runtime.hasZstd = true
  expect(await restore(store, compressed)).toEqual(values)
  await reader.close()
  await directory.remove()
})
