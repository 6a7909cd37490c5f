import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { openHarness } from './log-harness.fixture.ts'

it('a sync says how many bytes it was for', async () => {
  const syncs: unknown[] = []
  const listen = (message: unknown): void => void syncs.push(message)
  subscribe('holdfast:sync', listen)
  onTestFinished(() => void unsubscribe('holdfast:sync', listen))
  const store = await openHarness(memoryEnvironment(), { syncIntervalMs: 60_000 })
  await store.append('a', 'os')
  const { unsyncedBytes } = store.log.stats()
  expect(unsyncedBytes).toBeGreaterThan(0)
  await store.log.sync()
  await store.close()
  expect(syncs).toEqual([expect.objectContaining({ bytes: unsyncedBytes })])
})
