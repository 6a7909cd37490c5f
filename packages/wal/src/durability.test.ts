import { ManualTimers, memoryEnvironment } from '@holdfast/testing/environment'
import type { Timer, Timers } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import {
  deferred,
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  text,
  turns,
} from './log-harness.fixture.ts'

const SEGMENT = /\.wal/

describe('durability', () => {
  it('mixes both levels in one log, and a disk acknowledgement covers every earlier sequence', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    for (let i = 1; i <= 30; i++) {
      await store.append(text(i), i % 3 === 0 ? 'disk' : 'os')
      expect(store.log.durableSeq).toBe(i - (i % 3))
    }
    expect(await store.log.sync()).toBe(30)
    await store.append('tail', 'os')
    expect((await readAll(store.log)).length).toBe(30)
    await store.close()
    expect((await recovered(environment.files)).records).toHaveLength(31)
  })

  it('says that a sequence is durable only once it is', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    const disk = deferred()
    await store.append('a', 'os')
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { hang: disk.promise } })
    const appended = store.append('b', 'disk')
    await turns()
    expect(store.log).toMatchObject({ durableSeq: 0, lastSeq: 1 })
    expect(store.events).toEqual(['committed 1-1'])
    disk.resolve()
    await appended
    expect(store.events).toEqual(['committed 1-1', 'durable 2', 'committed 2-2'])
    await store.close()
  })

  it('keeps the process alive until what is acknowledged at level os is synced, and no longer', async () => {
    const environment = faultyMemory()
    const waiting = new Set<Timer>()
    const timers: Timers = {
      turn: (run) => environment.timers.turn(run),
      after(ms, run, options) {
        const inner = environment.timers.after(ms, () => (waiting.delete(timer), run()), options)
        const timer = { cancel: () => (waiting.delete(timer), inner.cancel()) }
        if (options?.keepAlive === true) waiting.add(timer)
        return timer
      },
    }
    const store = await openHarness({ ...environment, timers }, { syncIntervalMs: 60_000 })
    await store.append('a')
    expect(waiting.size).toBe(0)
    await store.append('b', 'os')
    expect(waiting.size).toBe(1)
    await store.log.sync()
    expect(waiting.size).toBe(0)
    await store.close()
  })

  it('syncs what is acknowledged at level os within syncIntervalMs, and at maxUnsyncedBytes', async () => {
    const environment = memoryEnvironment()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness(
      { ...environment, timers },
      { syncIntervalMs: 77, maxUnsyncedBytes: 2000 },
    )
    await store.append('a', 'os')
    timers.advance(76)
    await turns()
    expect(store.log.durableSeq).toBe(0)
    timers.advance(1)
    await turns()
    expect(store.log.durableSeq).toBe(1)
    for (let i = 0; i < 4; i++) await store.append('x'.repeat(600), 'os')
    await turns()
    expect(store.log.durableSeq).toBeGreaterThanOrEqual(4)
    expect(store.log.stats().unsyncedBytes).toBeLessThan(2000)
    await store.close()
  })
})
