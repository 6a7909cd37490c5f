import { ManualTimers, memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { codeOf, deferred, faultyMemory, openHarness, STORE, text, turns } from './log-harness.fixture.ts'

const SEGMENT = /\.wal/
const MIB = 1024 * 1024

/** In memory, with turns of the event loop that end only when they are told to; a write takes `writeMs`. */
function withoutTurns(writeMs: number): {
  environment: ReturnType<typeof faultyMemory>
  /** How many turns have been asked for. */
  asked: () => number
  /** So many of them end, those that are waited for already or will be. */
  endTurns: (count: number) => void
} {
  const environment = faultyMemory()
  const { timers, clock } = environment
  const before = (): void => clock.advance(writeMs)
  environment.files.fail({ on: 'writeThrough', path: SEGMENT, times: Infinity, fault: { before } })
  const waiting: (() => void)[] = []
  let [asked, left] = [0, 0]
  const go = (): void => {
    for (; left > 0 && waiting.length > 0; left--) timers.turn(waiting.shift() as () => void)
  }
  const turn = (run: () => void): void => {
    asked += 1
    waiting.push(run)
    go()
  }
  return {
    environment: { ...environment, timers: { after: timers.after.bind(timers), turn } },
    asked: () => asked,
    endTurns(count) {
      left = count
      go()
    },
  }
}

const committed = (events: string[]): string[] => events.filter((event) => event.startsWith('committed'))

describe('a batch is written without waiting for a turn', () => {
  it('once as many have come back as were woken, however late', async () => {
    const { environment, endTurns } = withoutTurns(1)
    const store = await openHarness(environment)
    void store.append('a')
    void store.append('b')
    endTurns(1)
    await turns()
    void store.append('c')
    await turns()
    expect(committed(store.events)).toEqual(['committed 1-2'])
    void store.append('d')
    await turns()
    expect(committed(store.events)).toEqual(['committed 1-2', 'committed 3-4'])
    endTurns(Infinity)
    await store.close()
  })

  it('where it is full with a few large records', async () => {
    const { environment, endTurns } = withoutTurns(1)
    const store = await openHarness(environment)
    await Promise.all([store.append('x'.repeat(3 * MIB)), store.append('x'.repeat(MIB))])
    expect(committed(store.events)).toEqual(['committed 1-2'])
    endTurns(Infinity)
    await store.close()
  })

  it('where a group had no room in it: nothing more comes into it', async () => {
    const { environment, endTurns } = withoutTurns(1)
    const store = await openHarness(environment)
    const first = Array.from({ length: 1000 }, (_, i) => store.append(text(i)))
    const group = store.appendAll(Array.from({ length: 30 }, (_, i) => text(i)))
    await Promise.all(first)
    expect(committed(store.events)).toEqual(['committed 1-1000'])
    endTurns(Infinity)
    await group
    await store.close()
  })

  it('where it fills up while the one before it is being acted on', async () => {
    const environment = faultyMemory()
    const writes: number[] = []
    const store = await openHarness(environment, {}, STORE, {
      committed: ({ firstSeq, waiters }) => {
        for (const [i, waiter] of waiters.entries()) waiter.resolve(firstSeq + i)
        if (firstSeq > 1) return
        writes.push(environment.files.count('writeThrough'))
        for (let i = 0; i < 1024; i++) void store.append(text(i))
        writes.push(environment.files.count('writeThrough'))
      },
    })
    await store.append('first')
    const [before, after] = writes as [number, number]
    expect(after).toBe(before + 1)
    await store.close()
  })
})

it('a batch of 4 MiB takes no more', async () => {
  const store = await openHarness(faultyMemory())
  // A length of four bytes, and the text.
  await Promise.all([store.append('x'.repeat(4 * MIB - 4)), store.append('y')])
  expect(committed(store.events)).toEqual(['committed 1-1', 'committed 2-2'])
  await store.close()
})

it('callers that come back at once let everything else have its turn, also where writing takes no time', async () => {
  const store = await openHarness(memoryEnvironment())
  let others = 0
  const other = async (): Promise<void> => {
    for (; others < 100; others++) await turns(1)
  }
  const rest = other()
  for (let i = 0; i < 20; i++) {
    await store.append(text(i))
    // The log has noticed by then that there is nothing to do.
    for (let j = 0; j < 20; j++) await Promise.resolve()
  }
  expect(others).toBeGreaterThan(10)
  await rest
  await store.close()
})

it('a record is committed whenever it comes while the loop comes to its end', async () => {
  for (let gap = 0; gap < 12; gap++) {
    const environment = faultyMemory()
    const { timers } = environment
    let ended = 0
    let late: Promise<number> | undefined
    const turn = (run: () => void): void =>
      timers.turn(() => {
        run()
        ended += 1
        // The first turn is for the first record; the second finds nothing more to do.
        if (ended === 2) void come()
      })
    const store = await openHarness({ ...environment, timers: { after: timers.after.bind(timers), turn } })
    const come = async (): Promise<void> => {
      for (let i = 0; i < gap; i++) await Promise.resolve()
      late = store.append('late')
    }
    await store.append('first')
    await turns()
    expect(late, `${gap}`).toBeDefined()
    expect(committed(store.events), `${gap}`).toEqual(['committed 1-1', 'committed 2-2'])
    await store.close()
  }
})

it('no batch is sealed while the one before the last is being acted on, though it is full', async () => {
  const environment = faultyMemory()
  const gate = deferred()
  const notes: string[] = []
  const store = await openHarness(environment, {}, STORE, {
    note: (kind) => (notes.push(kind), undefined),
    committed: ({ firstSeq, waiters }) => {
      for (const [i, waiter] of waiters.entries()) waiter.resolve(firstSeq + i)
      return firstSeq <= 2 ? gate.promise : undefined
    },
  })
  await store.append('first')
  const disk = deferred()
  environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
  const second = store.append('second')
  await turns()
  const third = Array.from({ length: 1024 }, (_, i) => store.append(text(i)))
  disk.resolve()
  await second
  await turns()
  expect(notes).toHaveLength(2)
  gate.resolve()
  await Promise.all(third)
  expect(notes).toHaveLength(3)
  await store.close()
})

describe('a log that fails', () => {
  it('is not closed before the write ends that was under way, also where that was begun for want of time', async () => {
    const { environment, endTurns } = withoutTurns(1)
    const acting = deferred()
    const store = await openHarness(environment, {}, STORE, {
      committed: ({ firstSeq, waiters }) => {
        for (const [i, waiter] of waiters.entries()) waiter.resolve(firstSeq + i)
        return acting.promise
      },
    })
    const fill = (): Promise<number>[] => Array.from({ length: 1024 }, (_, i) => store.append(text(i)))
    await Promise.all(fill())
    await turns()
    environment.files.clearRules()
    const disk = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
    acting.reject(new Error('the consumer failed'))
    const written = Promise.allSettled(fill())
    await turns()
    expect(store.failures).toHaveLength(1)
    let isClosed = false
    const closing = store.close().finally(() => (isClosed = true))
    await turns()
    expect(isClosed).toBe(false)
    disk.resolve()
    expect((await written)[0]).toMatchObject({ reason: { code: 'FAILED', outcome: 'unknown' } })
    await closing
    expect(environment.files.openFiles).toBe(0)
    endTurns(Infinity)
  })

  it('leaves no timer that would keep the process', async () => {
    const environment = faultyMemory()
    const timers = new ManualTimers(environment.clock)
    const acting = deferred()
    const store = await openHarness({ ...environment, timers }, {}, STORE, {
      committed: () => acting.promise,
    })
    void store.append('a', 'os')
    await turns()
    expect(timers.pending).toBe(1)
    acting.reject(new Error('the consumer failed'))
    await turns()
    expect(timers.pending).toBe(0)
    await store.close().catch(() => {})
  })

  it('ends whatever follows it, or waits for it', async () => {
    const environment = faultyMemory()
    const acting = deferred()
    const store = await openHarness(environment, { maxQueuedBytes: 8 }, STORE, {
      committed: () => acting.promise,
    })
    // The second is being acted on as well, so that the third is not written.
    for (const name of ['first', 'second']) {
      void store.append(name)
      await turns()
    }
    void store.append('third')
    const ended: unknown[] = []
    const follow = async (): Promise<void> => {
      for await (const { lastSeq } of store.log.batches({ after: 0, follow: true })) ended.push(lastSeq)
      ended.push('followed')
    }
    void follow()
    for (const waiting of [store.log.ready(), store.log.sync()])
      void waiting.catch((error: unknown) => ended.push(codeOf(error)))
    await turns()
    expect(ended).toEqual([1, 2])
    acting.reject(new Error('the consumer failed'))
    await turns()
    expect(new Set(ended.slice(2))).toEqual(new Set(['FAILED', 'followed']))
    expect(ended).toHaveLength(5)
    await store.close()
  })
})

it('to wait for its consumer takes the closing log no turns', async () => {
  const { environment, asked, endTurns } = withoutTurns(0)
  endTurns(Infinity)
  const acting = deferred()
  const store = await openHarness(environment, {}, STORE, { committed: () => acting.promise })
  void store.append('a')
  await turns()
  const closing = store.close()
  await turns()
  const before = asked()
  await turns()
  expect(asked()).toBe(before)
  acting.resolve()
  await closing
})
