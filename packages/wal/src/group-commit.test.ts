import { setImmediate } from 'node:timers/promises'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import type { Batch } from './log.ts'
import {
  deferred,
  encode,
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'

const SEGMENT = /\.wal/

/** In memory, with turns of the event loop that go by only when they are told to. */
function withoutTurns(): {
  environment: ReturnType<typeof faultyMemory>
  /** So many of them end, those that are waited for already or will be. */
  endTurns: (count: number) => void
} {
  const environment = faultyMemory()
  const { timers } = environment
  const waiting: (() => void)[] = []
  let left = 0
  const go = (): void => {
    for (; left > 0 && waiting.length > 0; left--) timers.turn(waiting.shift() as () => void)
  }
  return {
    environment: {
      ...environment,
      timers: {
        after: (ms, run, options) => timers.after(ms, run, options),
        turn(run) {
          waiting.push(run)
          go()
        },
      },
    },
    endTurns(count) {
      left = count
      go()
    },
  }
}

describe('group commit', () => {
  it('takes one write and no sync for each disk batch in steady state', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('first')
    await turns()
    environment.files.clearLog()
    for (let i = 0; i < 10; i++)
      await Promise.all(Array.from({ length: 20 }, (_, j) => store.append(text(j))))
    expect(store.log.stats().batches).toBe(11)
    expect(environment.files.log.map(({ call }) => call)).toEqual(
      Array.from({ length: 10 }, () => 'writeThrough'),
    )
    await store.close()
  })

  it('takes one write for an os batch, and one write and one sync for a disk batch behind one', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    await store.append('first')
    await turns()
    environment.files.clearLog()
    await store.append('a', 'os')
    expect(environment.files.log.map(({ call }) => call)).toEqual(['write'])
    expect(store.log.durableSeq).toBe(1)
    await store.append('b', 'os')
    environment.files.clearLog()
    await store.append('c', 'disk')
    // O_DSYNC would cover only its own write: what is unsynced before it needs a sync that covers both.
    expect(environment.files.log.map(({ call }) => call)).toEqual(['write', 'sync'])
    expect(store.log.durableSeq).toBe(4)
    environment.files.clearLog()
    await store.append('d', 'disk')
    expect(environment.files.log.map(({ call }) => call)).toEqual(['writeThrough'])
    await store.close()
  })

  it('commits callers that are woken together together', async () => {
    const store = await openHarness(memoryEnvironment())
    const caller = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await store.append('x')
    }
    await Promise.all(Array.from({ length: 8 }, caller))
    expect(store.events.filter((event) => event.startsWith('committed'))).toEqual(
      [0, 1, 2, 3, 4].map((i) => `committed ${i * 8 + 1}-${i * 8 + 8}`),
    )
    await store.close()
  })

  it.each<[what: string, records: number, record: string, batches: string[]]>([
    ['1,024 records', 2500, 'x', ['1-1024', '1025-2048', '2049-2500']],
    // The one that fills it is in it.
    ['4 MiB', 10, 'x'.repeat(1_000_000), ['1-5', '6-10']],
  ])('a batch is full at %s', async (_, records, record, batches) => {
    const store = await openHarness(memoryEnvironment())
    await Promise.all(Array.from({ length: records }, () => store.append(record)))
    expect(store.events.filter((event) => event.startsWith('committed'))).toEqual(
      batches.map((range) => `committed ${range}`),
    )
    await store.close()
  })

  it('writes a batch that is full before the last is acted on, and any other after it', async () => {
    const environment = faultyMemory()
    const events: string[] = []
    const store = await openHarness(environment, {}, STORE, {
      note: (kind) => void events.push(`note of a ${kind}`),
      carried: ({ lastSeq }) => void events.push(`carried ${lastSeq}`),
      committed: ({ firstSeq, lastSeq, waiters }) => {
        events.push(`committed ${lastSeq} after ${environment.files.count('writeThrough')} writes`)
        for (const [i, waiter] of waiters.entries()) waiter.resolve(firstSeq + i)
      },
    })
    const before = environment.files.count('writeThrough')
    // The first of all begins a segment.
    await store.append('first')
    const began = environment.files.count('writeThrough')
    expect(events.splice(0)).toEqual(['note of a batch', 'carried 1', `committed 1 after ${began} writes`])
    expect(began).toBe(before + 2)
    await Promise.all(Array.from({ length: 2500 }, () => store.append('x')))
    expect(events).toEqual([
      'note of a batch',
      'carried 1025',
      'note of a batch',
      `committed 1025 after ${began + 2} writes`,
      'carried 2049',
      `committed 2049 after ${began + 2} writes`,
      'note of a batch',
      'carried 2501',
      `committed 2501 after ${began + 3} writes`,
    ])
    await store.close()
  })

  it('waits for those that it woke, and not for a turn once they are back', async () => {
    const { environment, endTurns } = withoutTurns()
    // In memory a write takes no time otherwise.
    const { clock } = environment
    let now = 0
    Object.assign(environment, { clock: { now: () => clock.now(), monotonic: () => (now += 1) } })
    const store = await openHarness(environment)
    const caller = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await store.append('x')
    }
    const callers = Promise.all([caller(5), caller(5), caller(5)])
    endTurns(1)
    await turns()
    expect(store.events.filter((event) => event.startsWith('committed'))).toEqual(
      [0, 1, 2, 3, 4].map((i) => `committed ${i * 3 + 1}-${i * 3 + 3}`),
    )
    await callers
    endTurns(Infinity)
    await store.close()
  })

  it('waits no longer than the last write took', async () => {
    const { environment, endTurns } = withoutTurns()
    const store = await openHarness(environment)
    const slow = async (ms: number, act: () => void): Promise<void> => {
      const disk = deferred()
      environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
      act()
      await turns()
      environment.clock.advance(ms)
      disk.resolve()
      await turns()
    }
    // A hundred callers, of which nobody comes back.
    void Promise.all(Array.from({ length: 100 }, (_, i) => store.append(text(i))))
    await slow(10, () => endTurns(1))
    expect(store.log.lastSeq).toBe(100)
    const more = (count: number): void => {
      for (let i = 0; i < count; i++) void store.append(text(i))
    }
    environment.clock.advance(10)
    more(40)
    await turns()
    expect(store.log.lastSeq).toBe(100)
    environment.clock.advance(1)
    // The clock is looked at once for sixteen records: at 128, and then at 144.
    more(9)
    await turns()
    expect(store.log.lastSeq).toBe(144)
    // In groups, too, whatever their size.
    environment.clock.advance(1)
    for (let group = 0; group < 2; group++) void store.appendAll(Array.from({ length: 16 }, () => 'x'))
    await turns()
    expect(store.log.lastSeq).toBe(165)
    endTurns(Infinity)
    await store.close()
  })

  it('begins no write beside another, however many records wait, and however long', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    await store.append('first', 'os')
    for (const call of ['writeThrough', 'sync'] as const) {
      await store.append('os', 'os')
      const disk = deferred()
      environment.files.fail({ on: call, path: SEGMENT, fault: { hang: disk.promise } })
      environment.files.clearLog()
      const appended = call === 'sync' ? [store.log.sync()] : [store.log.sync(), store.append('x')]
      await turns()
      const begun = environment.files.log.length
      for (let i = 0; i < 1100; i++) appended.push(store.append(text(i), 'os'))
      environment.clock.advance(1000)
      for (let i = 0; i < 32; i++) appended.push(store.append(text(i), 'os'))
      await turns()
      expect(environment.files.log).toHaveLength(begun)
      disk.resolve()
      await Promise.all(appended)
    }
    await store.close()
  })

  it('forms the next batch of what comes while one is being written, one write in flight at a time', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('first')
    await turns()
    const disk = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
    environment.files.clearLog()
    const appended = [store.append('a')]
    await turns()
    for (const name of ['b', 'c', 'd']) {
      appended.push(store.append(name))
      await turns(3)
    }
    expect(environment.files.count('writeThrough')).toBe(1)
    disk.resolve()
    expect(await Promise.all(appended)).toEqual([2, 3, 4, 5])
    expect(environment.files.count('writeThrough')).toBe(2)
    expect(store.events.filter((event) => event.startsWith('committed')).slice(1)).toEqual([
      'committed 2-2',
      'committed 3-5',
    ])
    await store.close()
  })

  it('never acknowledges a caller by the sync that was under way when it came', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { syncIntervalMs: 60_000 })
    await store.append('a', 'os')
    const disk = deferred()
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { hang: disk.promise } })
    const syncing = store.log.sync()
    await turns()
    let acknowledged = false
    const late = store
      .append('b', 'os')
      .then(() => store.log.sync(2))
      .then(() => (acknowledged = true))
    await turns()
    expect(acknowledged).toBe(false)
    disk.resolve()
    expect(await syncing).toBe(1)
    await late
    expect(store.log.durableSeq).toBe(2)
    expect(
      environment.files.log.filter(({ call, path }) => call === 'sync' && SEGMENT.test(path)).length,
    ).toBeGreaterThanOrEqual(2)
    await store.close()
  })

  it('seals no batch while the one before the last is being acted on', async () => {
    const gates = [deferred(), deferred()]
    const committed: number[] = []
    const store = await openHarness(memoryEnvironment(), {}, STORE, {
      committed: (batch) => {
        committed.push(batch.firstSeq)
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
        return gates[batch.firstSeq - 1]?.promise
      },
    })
    await store.append('a')
    await store.append('b')
    const third = store.append('c')
    await turns()
    expect(committed).toEqual([1, 2])
    gates[0]?.resolve()
    expect(await third).toBe(3)
    gates[1]?.resolve()
    await store.close()
  })

  it('nor where acting on the last one fills the next', async () => {
    const gate = deferred()
    const committed: number[] = []
    const store = await openHarness(memoryEnvironment(), {}, STORE, {
      committed: (batch) => {
        committed.push(batch.firstSeq)
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
        if (batch.firstSeq === 2) for (let i = 0; i < 1100; i++) void store.append('more')
        return batch.firstSeq <= 2 ? gate.promise : undefined
      },
    })
    await store.append('a')
    await store.append('b')
    await turns()
    expect(committed).toEqual([1, 2])
    gate.resolve()
    await turns()
    expect(committed).toEqual([1, 2, 3, 1027])
    await store.close()
  })

  it('hands a batch over as it will be read', async () => {
    const handed: Batch[] = []
    const environment = memoryEnvironment()
    const store = await openHarness(environment, { machineVersion: 7 }, STORE, {
      note: (kind) => encode(`of a ${kind}`),
      committed: (batch) => {
        handed.push(batch)
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
      },
    })
    await store.append('a')
    environment.clock.advance(5)
    await store.appendAll(['b', 'c'])
    const read: Batch[] = []
    for await (const batch of store.log.batches({ after: 0 }))
      read.push({ ...batch, note: batch.note.slice(), records: batch.records.slice() })
    expect(handed).toMatchObject(read)
    await store.close()
  })

  it('captures the record at the call', async () => {
    const store = await openHarness(memoryEnvironment())
    const record = encode('before')
    const waiter = deferred<number>()
    store.log.submit(record, 'disk', waiter)
    record.fill(0)
    await waiter.promise
    expect(await readAll(store.log)).toEqual(['1:before'])
    await store.close()
  })
})

describe('backpressure', () => {
  it('is OVERLOADED past maxQueuedBytes with nothing captured, and ready() resolves when there is room', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { maxQueuedBytes: 1000 })
    await store.append('first')
    const disk = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
    const taken = [store.append(text(1, 600)), store.append(text(2, 600))]
    expect(store.log.queuedBytes).toBeGreaterThan(1000)
    await expect(store.append('too much')).rejects.toMatchObject({
      code: 'OVERLOADED',
      outcome: 'not-written',
    })
    await expect(store.appendAll(['too', 'much'])).rejects.toMatchObject({ code: 'OVERLOADED' })
    let room = false
    const ready = store.log.ready().then(() => (room = true))
    await turns()
    expect(room).toBe(false)
    disk.resolve()
    await ready
    expect(await Promise.all(taken)).toEqual([2, 3])
    expect(await store.append('later')).toBe(4)
    expect(store.log.queuedBytes).toBe(0)
    await store.close()
  })

  it('keeps waiting callers from waiting for ever: ready() and sync() end with the log', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { maxQueuedBytes: 10 })
    await store.append('first')
    environment.files.fail({
      on: ['writeThrough', 'write'],
      path: SEGMENT,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    const pending = store.append('0123456789')
    const waiting = [store.log.ready(), store.log.sync()]
    const ended = await Promise.allSettled(waiting)
    expect(ended.map((end) => end.status === 'rejected' && (end.reason as { code: string }).code)).toEqual([
      'FAILED',
      'FAILED',
    ])
    await expect(pending).rejects.toMatchObject({ code: 'FAILED' })
    await store.close()
  })
})

describe('close', () => {
  it('races with append: what was taken is committed, what comes later is CLOSED and not written', async () => {
    for (let gap = 0; gap < 6; gap++) {
      const environment = memoryEnvironment()
      const store = await openHarness(environment)
      const before = [store.append('a', 'os'), store.append('b')]
      for (let i = 0; i < gap; i++) await setImmediate()
      const closing = store.close()
      await expect(store.append('c')).rejects.toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
      await expect(store.log.ready()).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(store.log.trim(1)).rejects.toMatchObject({ code: 'CLOSED' })
      expect(await Promise.all(before)).toEqual([1, 2])
      await closing
      await store.close()
      expect((await recovered(environment.files)).records).toEqual(['1:a', '2:b'])
    }
  })

  it('notes the clean close, leaves no prepared segment, and every descriptor is given back', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096 })
    for (let i = 1; i <= 5; i++) await store.append(text(i, 1200))
    await store.close()
    expect(environment.files.openFiles).toBe(0)
    expect(store.directory.manifest.clean).toEqual({ durableSeq: 5, epoch: 1 })
    const named = store.directory.manifest.segments.map(({ firstSeq, id }) => [firstSeq, id])
    expect(segmentsOf(environment.memory)).toHaveLength(named.length)
    expect(store.directory.manifest.segments.every((segment) => segment.footerOffset !== undefined)).toBe(
      true,
    )
  })
})
