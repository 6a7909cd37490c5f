import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import { faultyMemory, openHarness, recovered, STORE, text } from './log-harness.fixture.ts'

const SEGMENT = /\.wal/
const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

it('a commit says how many records and bytes it was, and at which level', async () => {
  const commits: { bytes: number }[] = []
  const listen = (message: unknown): void => void commits.push(message as { bytes: number })
  subscribe('holdfast:commit', listen)
  onTestFinished(() => void unsubscribe('holdfast:commit', listen))
  const store = await openHarness(memoryEnvironment(), options)
  await store.append('a', 'os')
  const { unsyncedBytes } = store.log.stats()
  await store.appendAll(['b', 'c'])
  const { appendedBytes } = store.log.stats()
  expect(commits).toEqual([
    { records: 1, bytes: unsyncedBytes, durability: 'os', ms: 0 },
    { records: 2, bytes: appendedBytes - unsyncedBytes, durability: 'disk', ms: 0 },
  ])
  await store.close()
})

it('the note of a batch counts among what a segment has room for', async () => {
  const environment = memoryEnvironment()
  const store = await openHarness(environment, options, STORE, {
    note: (kind) => (kind === 'batch' ? new Uint8Array(2000) : undefined),
  })
  for (const each of ['a', 'b', 'c']) await store.append(each)
  await store.close()
  const { plan } = await recovered(environment.files)
  expect(plan.segments).toHaveLength(3)
  for (const { countedBytes } of plan.segments) expect(countedBytes).toBeLessThanOrEqual(4096)
})

describe('a rotation that cannot sync the old segment', () => {
  it.each(['EIO', 'ENOSPC'])(
    'for %s takes nothing in it for durable: all is written again',
    async (errno) => {
      const environment = faultyMemory()
      const store = await openHarness(environment, options)
      for (const i of [1, 2]) await store.append(text(i, 1500), 'os')
      environment.files.fail({ on: 'sync', path: SEGMENT, fault: { errno } })
      expect(await store.append(text(3, 1500), 'os')).toBe(3)
      expect(store.moves).toHaveLength(1)
      const { records, plan } = await recovered(environment.memory)
      expect(records).toEqual([1, 2, 3].map((i) => `${i}:${text(i, 1500)}`))
      // It says so of those that it wrote again alone.
      expect(store.events.filter((event) => event.startsWith('durable'))).toEqual(['durable 2'])
      expect(plan.segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
        [1, 0],
        [1, 3],
      ])
      await store.close()
    },
  )
})

describe('where there is no room', () => {
  it.each(['open', 'write', 'writeThrough'] as const)(
    'for the first segment (%s), the first batch is refused, and the next tries again',
    async (call) => {
      const environment = faultyMemory()
      const store = await openHarness(environment, options)
      environment.files.fail({ on: call, path: SEGMENT, fault: { errno: 'ENOSPC' } })
      await expect(store.append('a')).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-written' })
      expect(await store.append('b')).toBe(1)
      expect(store.failures).toEqual([])
      await store.close()
      expect((await recovered(environment.memory)).records).toEqual(['1:b'])
    },
  )

  it('for a batch, what stands before it has been synced, and is said to be', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    await store.append('a', 'os')
    environment.files.fail({ on: 'write', path: SEGMENT, fault: { errno: 'ENOSPC' } })
    await expect(store.append('b')).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-written' })
    expect(store.events).toEqual(['committed 1-1', 'durable 1', 'rejected 1 NO_SPACE'])
    expect(store.log.durableSeq).toBe(1)
    expect(store.log.stats().unsyncedBytes).toBe(0)
    await store.close()
  })
})
