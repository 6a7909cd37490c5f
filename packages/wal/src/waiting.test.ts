import { describe, expect, it, onTestFinished } from 'vitest'
import { faultyMemory, type Harness, openHarness, readAll, recovered, turns } from './log-harness.fixture.ts'

const SEGMENT = /\.wal/

async function opened(): Promise<{ environment: ReturnType<typeof faultyMemory>; store: Harness }> {
  const environment = faultyMemory()
  const store = await openHarness(environment, { syncIntervalMs: 60_000 })
  onTestFinished(() => store.close().catch(() => {}))
  await store.append('a')
  await turns()
  return { environment, store }
}

describe('sync', () => {
  it('waits for no batch that was refused', async () => {
    const { environment, store } = await opened()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'ENOSPC' } })
    const refused = store.append('refused')
    expect(await store.log.sync()).toBe(1)
    await expect(refused).rejects.toMatchObject({ code: 'NO_SPACE' })
    expect(store.log.queuedBytes).toBe(0)
  })

  it('of what is not there yet ends where the log does, and of what is durable asks nothing of the disk', async () => {
    const { store } = await opened()
    await store.append('b', 'os')
    const { syncs } = store.log.stats()
    expect(await store.log.sync(1)).toBe(1)
    expect(store.log.stats().syncs).toBe(syncs)
    expect(await store.log.sync(9)).toBe(2)
  })

  it('of what can no longer become durable rejects', async () => {
    const { environment, store } = await opened()
    await store.append('b', 'os')
    environment.files.fail({
      on: ['write', 'writeThrough', 'sync'],
      path: SEGMENT,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    const failed = { code: 'FAILED', cause: { code: 'FAILED', cause: { code: 'IO_ERROR' } } }
    await expect(store.log.sync()).rejects.toMatchObject(failed)
    await expect(store.log.sync(2)).rejects.toMatchObject(failed)
    expect(store.failures[0]?.details).toMatchObject({ second: { code: 'IO_ERROR' } })
    expect(store.log.durableSeq).toBe(1)
  })

  it('that fails makes everything durable in a new segment', async () => {
    const { environment, store } = await opened()
    for (const text of ['b', 'c', 'd', 'e']) await store.append(text, 'os')
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { errno: 'EIO' } })
    expect(await store.log.sync()).toBe(5)
    expect(store.moves).toHaveLength(1)
    expect(store.events.at(-1)).toBe('durable 5')
    const all = ['1:a', '2:b', '3:c', '4:d', '5:e']
    expect(await readAll(store.log)).toEqual(all)
    const { records, plan } = await recovered(environment.memory)
    expect(records).toEqual(all)
    expect(plan).toMatchObject({ provenSeq: 5, survivors: undefined })
  })
})

it('a mark that has no room, and cannot be taken back, moves the log to a new segment', async () => {
  const environment = faultyMemory()
  const store = await openHarness(environment)
  onTestFinished(() => store.close())
  await store.append('a', 'os')
  environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'ENOSPC' } })
  environment.files.fail({ on: 'write', path: SEGMENT, fault: { errno: 'ENOSPC' } })
  await store.log.sync()
  await expect.poll(() => store.moves.length).toBe(1)
  expect(await store.append('b')).toBe(2)
})

it('a log that is closed takes no records, one or many', async () => {
  const { store } = await opened()
  await store.close()
  await expect(store.append('b')).rejects.toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
  await expect(store.appendAll(['b', 'c'])).rejects.toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
})
