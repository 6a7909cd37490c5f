import { nodeEnvironment } from '@holdfast/environment'
import { memoryEnvironment, MemoryFileSystem, temporaryDirectory } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { putManifest } from './crashed-log.fixture.ts'
import {
  faultyMemory,
  filesOf,
  type Harness,
  openHarness,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import type { Manifest } from './manifest.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'

describe('one writer', () => {
  it('is LOCKED in the same process, and the lock is free after close', async () => {
    const directory = await temporaryDirectory()
    const store = await openHarness(nodeEnvironment, {}, directory.path)
    await expect(openHarness(nodeEnvironment, {}, directory.path)).rejects.toMatchObject({ code: 'LOCKED' })
    await store.append('a')
    await store.close()
    await (await openHarness(nodeEnvironment, {}, directory.path)).close()
    await directory.remove()
  })

  it('is fenced off by the epoch: the old one stops, and what the new one wrote stands', async () => {
    const files = new MemoryFileSystem()
    // Two environments: neither sees the other's locks, as on a network file system.
    const old = await openHarness(memoryEnvironment(files, 1), { segmentBytes: 4096 })
    for (let i = 1; i <= 3; i++) await old.append(text(i, 900))
    await turns()
    const next = await openHarness(memoryEnvironment(files, 2), { segmentBytes: 4096 })
    expect(await next.append(text(4, 900))).toBe(4)
    const outcomes = await Promise.allSettled([5, 6, 7, 8].map((i) => old.append(text(i, 2500))))
    await turns()
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    expect(old.failures.map(({ code }) => code)).toEqual(['FENCED'])
    await expect(old.append('later')).rejects.toMatchObject({ code: 'FAILED', cause: { code: 'FENCED' } })
    await old.close()
    await next.append(text(5, 900))
    await next.close()
    expect((await recovered(files)).records).toEqual([1, 2, 3, 4, 5].map((i) => `${i}:${text(i, 900)}`))
    expect(next.directory.epoch).toBe(2)
  })

  describe('is fenced off once the manifest is not its own any more', () => {
    /** A log with the segments [1-3] and [4-6], the second almost full. */
    async function writing(): Promise<{ environment: ReturnType<typeof faultyMemory>; store: Harness }> {
      const environment = faultyMemory()
      const store = await openHarness(environment, { segmentBytes: 4096 })
      for (let i = 1; i <= 6; i++) await store.append(text(i, 900))
      await turns()
      return { environment, store }
    }

    /** Another writer opens the store, whose lock is another one. */
    async function takeOver(files: MemoryFileSystem): Promise<void> {
      const directory = await StoreDirectory.openForWriting(STORE, memoryEnvironment(files, 99))
      await directory.beginEpoch()
      await directory.close()
    }

    async function expectFenced(store: Harness): Promise<void> {
      expect(store.failures.map(({ code }) => code)).toEqual(['FENCED'])
      await expect(store.append('later')).rejects.toMatchObject({
        code: 'FAILED',
        outcome: 'not-written',
        cause: { code: 'FENCED' },
      })
      await store.close()
    }

    it('as it notices in the background', async () => {
      const { environment, store } = await writing()
      // Behind a rotation, and before the manifest that is to say so.
      environment.files.fail({
        on: 'truncate',
        path: /\.wal/,
        fault: { before: () => takeOver(environment.memory) },
      })
      expect(await store.append(text(7, 900))).toBe(7)
      await turns()
      expect(store.warnings.map(({ code }) => code)).toEqual(['FENCED'])
      await expectFenced(store)
    })

    it('as it notices when it trims, and removes nothing', async () => {
      const { environment, store } = await writing()
      await takeOver(environment.memory)
      const before = segmentsOf(environment.memory)
      await expect(store.log.trim(3)).rejects.toMatchObject({
        code: 'FENCED',
        details: { epoch: 1, manifestEpoch: 2 },
      })
      expect(segmentsOf(environment.memory)).toEqual(before)
      await expectFenced(store)
    })

    it.each<[string, (files: MemoryFileSystem) => void | Promise<void>]>([
      ['the manifest now has 2', takeOver],
      ['the manifest now is gone', (files) => files.unlink(`${STORE}/MANIFEST`)],
      [
        'the manifest now is that of another store',
        async (files) => {
          const manifest = (await readManifest(memoryEnvironment(files), STORE)) as Manifest
          putManifest(files, { ...manifest, storeId: 'ab'.repeat(16) })
        },
      ],
    ])('as it notices before its next segment: %s', async (message, change) => {
      const { environment, store } = await writing()
      await change(environment.memory)
      const before = filesOf(environment.memory)
      await expect(store.append(text(7, 900))).rejects.toMatchObject({ code: 'FAILED' })
      expect(store.failures[0]?.message).toContain(message)
      await expectFenced(store)
      // The manifest is the other writer's.
      expect(filesOf(environment.memory).get(`${STORE}/MANIFEST`)).toEqual(before.get(`${STORE}/MANIFEST`))
    })
  })
})
