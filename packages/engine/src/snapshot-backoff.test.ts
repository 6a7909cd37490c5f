import { ManualTimers } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { errorLike, openBank, testEnvironment, turns } from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'

/** A bank whose snapshots fail until the returned rule is removed. */
async function failingBank(snapshot: { everyMs?: number; everyRecords?: number; everyBytes?: number }) {
  const memory = testEnvironment()
  const timers = new ManualTimers(memory.clock)
  const { store, environment } = await openBank({ snapshot }, { ...memory, timers })
  const rule = environment.files.fail({
    on: ['write', 'writeThrough'],
    path: /snapshots/,
    times: Infinity,
    fault: { errno: 'ENOSPC' },
  })
  const figures = async () => {
    await turns(environment, 50)
    const { taken, failed, consecutiveFailures } = store.stats().snapshots
    return { taken, failed, consecutiveFailures }
  }
  return { store, rule, timers, figures }
}

describe('snapshots that fail one after the other', () => {
  it('are tried after twice the time with each failure, after 32 times at most, and after one with success', async () => {
    const { store, rule, timers, figures } = await failingBank({ everyMs: 1000 })
    await store.execute('note', 1)
    for (const [failed, intervals] of [1, 2, 4, 8, 16, 32, 32, 32].entries()) {
      timers.advance(intervals * 1000 - 1)
      expect(await figures()).toEqual({ taken: 0, failed, consecutiveFailures: failed })
      timers.advance(1)
      expect(await figures()).toEqual({ taken: 0, failed: failed + 1, consecutiveFailures: failed + 1 })
    }
    rule.remove()
    timers.advance(32_000)
    expect(await figures()).toEqual({ taken: 1, failed: 8, consecutiveFailures: 0 })
    await store.execute('note', 2)
    timers.advance(1000)
    expect(await figures()).toEqual({ taken: 2, failed: 8, consecutiveFailures: 0 })
  })

  it('are tried after twice as many records with each failure', async () => {
    const { store, rule, figures } = await failingBank({ everyRecords: 10 })
    const note = async (count: number) => {
      for (let i = 0; i < count; i++) await store.execute('note', i)
      return figures()
    }
    expect(await note(10)).toMatchObject({ failed: 1 })
    expect(await note(19)).toMatchObject({ failed: 1 })
    expect(await note(1)).toMatchObject({ failed: 2 })
    expect(await note(39)).toMatchObject({ failed: 2 })
    rule.remove()
    expect(await note(1)).toEqual({ taken: 1, failed: 2, consecutiveFailures: 0 })
    expect(await note(9)).toMatchObject({ taken: 1 })
    expect(await note(1)).toMatchObject({ taken: 2 })
  })

  it('are tried after twice as many bytes with each failure', async () => {
    const { store, figures } = await failingBank({ everyBytes: 10_000 })
    const write = async (bytes: number) => {
      await store.execute('note', 'x'.repeat(bytes))
      return figures()
    }
    expect(await write(10_000)).toMatchObject({ failed: 1 })
    expect(await write(19_000)).toMatchObject({ failed: 1 })
    expect(await write(1000)).toMatchObject({ failed: 2 })
  })

  it.each([{ everyMs: 2 ** 31 - 1 }, { everyBytes: 1_000_000_000 }, { everyRecords: 1_000_000 }, {}])(
    'are tried again after some time, however long the interval is: %o',
    async (policy) => {
      const { store, rule, timers, figures } = await failingBank(policy)
      await store.execute('note', 1)
      await expect(store.snapshot()).rejects.toThrow(errorLike('NO_SPACE'))
      for (const [i, seconds] of [20, 40, 80, 160, 320, 320].entries()) {
        timers.advance(seconds * 1000 - 1)
        expect(await figures()).toMatchObject({ failed: i + 1 })
        timers.advance(1)
        expect(await figures()).toMatchObject({ failed: i + 2 })
      }
      rule.remove()
      timers.advance(320_000)
      expect(await figures()).toEqual({ taken: 1, failed: 7, consecutiveFailures: 0 })
      await store.execute('note', 2)
      timers.advance(320_000)
      expect(await figures()).toMatchObject({ taken: 1 })
    },
  )

  it('are not, where time alone will not help', async () => {
    const memory = testEnvironment()
    const timers = new ManualTimers(memory.clock)
    const environment = { ...memory, timers }
    const machine = defineMachine({
      version: 1,
      initial: () => ({ values: [] as unknown[] }),
      commands: { keep: (state) => void state.values.push(() => {}) },
    })
    const store = await open('/unstorable', machine, { environment })
    await store.execute('keep')
    await expect(store.snapshot()).rejects.toThrow(errorLike('NOT_SERIALIZABLE'))
    timers.advance(1_000_000)
    await turns(environment, 50)
    expect(store.stats().snapshots).toMatchObject({ failed: 1 })
    await store.close()
  })

  it('are not, where nobody but the caller takes them', async () => {
    const { store, timers, figures } = await failingBank({ everyBytes: Infinity })
    await store.execute('note', 1)
    await expect(store.snapshot()).rejects.toThrow(errorLike('NO_SPACE'))
    timers.advance(1_000_000)
    expect(await figures()).toMatchObject({ failed: 1 })
  })

  it('are always tried when asked for, and wait no longer than a timer can', async () => {
    const { store, rule, timers, figures } = await failingBank({ everyMs: 2 ** 31 - 1 })
    await store.execute('note', 1)
    for (let i = 0; i < 3; i++) await expect(store.snapshot()).rejects.toThrow(errorLike('NO_SPACE'))
    expect(await figures()).toEqual({ taken: 0, failed: 3, consecutiveFailures: 3 })
    timers.advance(80_000)
    expect(await figures()).toMatchObject({ failed: 4 })
    rule.remove()
    await expect(store.snapshot()).resolves.toMatchObject({ seq: 1 })
    expect(await figures()).toEqual({ taken: 1, failed: 4, consecutiveFailures: 0 })
  })
})

it('a store that has failed takes no more snapshots by time: each would be told to have failed', async () => {
  const memory = testEnvironment()
  const timers = new ManualTimers(memory.clock)
  const options = { snapshot: { everyMs: 1000 } }
  const { store, environment } = await openBank(options, { ...memory, timers })
  const failures: unknown[] = []
  store.events.on('snapshotFailed', (error) => failures.push(error))
  await store.execute('note', 1)
  environment.files.fail({
    on: ['write', 'writeThrough', 'open'],
    path: /\.wal/,
    times: Infinity,
    fault: { errno: 'EIO' },
  })
  await expect(store.execute('note', 2)).rejects.toThrow(errorLike('FAILED'))
  for (let i = 0; i < 100; i++) {
    timers.advance(1000)
    await turns(environment, 2)
  }
  expect(failures).toEqual([])
  expect(store.stats().snapshots).toMatchObject({ taken: 0, failed: 0 })
  expect(timers.pending).toBe(0)
})
