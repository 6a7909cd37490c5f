import { messagePackCodec } from '@holdfast/codec'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it, vi } from 'vitest'
import { Wal } from './index.ts'
import type { LogOptions } from './log-options.ts'
import {
  deferred,
  faultyMemory,
  type Harness,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'

const KIB = 1024

/** A log whose next write hangs, so that whatever is handed in waits behind it. */
async function busy(
  options: LogOptions = {},
): Promise<{ store: Harness; committed: () => string[]; goOn: () => Promise<void> }> {
  const environment = faultyMemory()
  const store = await openHarness(environment, options)
  await store.append('first')
  const disk = deferred()
  environment.files.fail({ on: 'writeThrough', path: /\.wal/, fault: { hang: disk.promise } })
  const second = store.append('second')
  await turns()
  store.events.splice(0)
  return {
    store,
    committed: () => store.events.filter((event) => event.startsWith('committed')),
    goOn: async () => {
      disk.resolve()
      await second
      await store.log.sync()
    },
  }
}

const texts = (count: number, bytes = 8): string[] =>
  Array.from({ length: count }, (_, index) => text(index, bytes))

/** A record that does something while it is captured. */
function acting(act: () => void): unknown {
  return {
    get acted() {
      act()
      return true
    },
  }
}

describe('a record', () => {
  it('takes as many bytes as it may, and one that takes more takes none of the others with it', async () => {
    const store = await openHarness(memoryEnvironment(), { maxRecordBytes: 100 })
    // A length of four bytes, and the text.
    const [most, tooLarge] = ['x'.repeat(96), 'x'.repeat(97)]
    const appended = [store.append('a'), store.append(most)]
    await expect(store.append(tooLarge)).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' })
    await expect(store.appendAll([most, tooLarge])).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' })
    const group = store.appendAll([most, 'b'])
    expect(await Promise.all(appended)).toEqual([1, 2])
    expect(await group).toEqual([3, 4])
    expect(await readAll(store.log)).toEqual(['1:a', `2:${most}`, `3:${most}`, '4:b'])
    await store.close()
  })
})

describe('a batch of several records', () => {
  it('is one frame: after a crash all of it is there or none', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment)
    await store.append('a')
    await turns()
    const before = environment.files.snapshot()
    await store.appendAll(['b', 'c', 'd'])
    const after = environment.files.snapshot()
    const path = segmentsOf(environment.files).at(-1) as string
    const [old, written] = [before.get(path) as Buffer, after.get(path) as Buffer]
    const start = old.findIndex((byte, i) => byte !== written[i])
    const end = written.findLastIndex((byte, i) => byte !== old[i]) + 1
    const seen = new Set<number>()
    for (let cut = start; cut <= end; cut++) {
      const torn = MemoryFileSystem.of(before)
      torn.put(path, Buffer.concat([written.subarray(0, cut), Buffer.alloc(written.length - cut)]))
      const { records } = await recovered(torn)
      expect(records.length === 1 || records.length === 4).toBe(true)
      seen.add(records.length)
    }
    expect(seen).toEqual(new Set([1, 4]))
    await store.close()
  })

  it('is refused whole with nothing captured, and what was captured before it stays', async () => {
    const store = await openHarness(memoryEnvironment(), { maxRecordBytes: 100 })
    const first = store.append('a')
    await expect(store.appendAll(['b', 'x'.repeat(200)])).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      outcome: 'not-written',
    })
    await expect(store.append('x'.repeat(200))).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' })
    await expect(store.appendAll([])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await first).toBe(1)
    expect(await store.append('c')).toBe(2)
    expect(store.log.queuedBytes).toBe(0)
    expect(await readAll(store.log)).toEqual(['1:a', '2:c'])
    await store.close()
  })
})

describe('groups of several callers', () => {
  it('are committed together, with the records of others, each in the order of the calls', async () => {
    const { store, committed, goOn } = await busy()
    const results = [
      store.appendAll(['a', 'b']),
      store.append('c'),
      store.appendAll(['d', 'e', 'f']),
      store.append('g'),
    ]
    await goOn()
    expect(await Promise.all(results)).toEqual([[3, 4], 5, [6, 7, 8], 9])
    expect(committed()).toEqual(['committed 2-2', 'committed 3-9'])
    expect(await readAll(store.log, 2)).toEqual(
      'abcdefg'.split('').map((each, index) => `${index + 3}:${each}`),
    )
    await store.close()
  })

  it.each<[what: string, before: string[], group: string[], together: boolean]>([
    ['fills a batch with its records', texts(1000), texts(24), true],
    ['has a record too many', texts(1000), texts(25), false],
    [
      'takes it as far past its bytes as a record may',
      texts(4, 512 * KIB - 4),
      texts(6, 512 * KIB - 4),
      true,
    ],
    [
      'has a byte too many',
      texts(4, 512 * KIB - 4),
      [...texts(5, 512 * KIB - 4), text(5, 512 * KIB - 3)],
      false,
    ],
    ['is larger than a batch usually is', ['x'], texts(3000), false],
  ])('a group that %s', async (_, before, group, together) => {
    const { store, committed, goOn } = await busy({ maxRecordBytes: 1024 * KIB })
    const first = before.map((each) => store.append(each))
    const second = store.appendAll(group)
    const later = store.append('later')
    await goOn()
    const [end, groupEnd] = [2 + before.length, 2 + before.length + group.length]
    expect(await Promise.all(first)).toEqual(before.map((_, index) => index + 3))
    expect((await second).at(-1)).toBe(groupEnd)
    expect(await later).toBe(groupEnd + 1)
    expect(committed()[1]).toBe(`committed 3-${together ? groupEnd : end}`)
    const whole = together ? `committed 3-${groupEnd}` : `committed ${end + 1}-${groupEnd}`
    expect(committed()).toSatisfy((events: string[]) =>
      events.some((event) => event === whole || event === whole.replace(`-${groupEnd}`, `-${groupEnd + 1}`)),
    )
    await store.close()
  })

  it('leave nothing in a batch that they are refused from: not its bytes, not its callers, not its level', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { maxRecordBytes: 100, syncIntervalMs: 60_000 })
    const before = store.append('before', 'os')
    const { queuedBytes } = store.log.stats()
    await expect(store.appendAll(['a', 'b', 'x'.repeat(200)])).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      details: { index: 2 },
    })
    expect(store.log.stats().queuedBytes).toBe(queuedBytes)
    const after = store.append('after', 'os')
    expect(await Promise.all([before, after])).toEqual([1, 2])
    expect(store.log.durableSeq).toBe(0)
    await store.close()
    expect((await recovered(environment.memory)).records).toEqual(['1:before', '2:after'])
  })

  it('that are refused behind a batch that they had no room in leave it open, and at its level', async () => {
    const store = await openHarness(faultyMemory(), { maxRecordBytes: 100, syncIntervalMs: 60_000 })
    const before = texts(1000).map((each) => store.append(each, 'os'))
    await expect(store.appendAll([...texts(30), 'x'.repeat(200)], 'disk')).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      details: { index: 30 },
    })
    const after = store.append('after', 'os')
    await Promise.all([...before, after])
    expect(store.events).toEqual(['committed 1-1001'])
    expect(store.log.durableSeq).toBe(0)
    await store.close()
  })

  it('that have no room in a batch do not raise its level', async () => {
    const store = await openHarness(faultyMemory(), { syncIntervalMs: 60_000 })
    const before = texts(1000).map((each) => store.append(each, 'os'))
    const group = store.appendAll(texts(30), 'disk')
    await Promise.all(before)
    expect(store.events).toEqual(['committed 1-1000'])
    await group
    expect(store.log.durableSeq).toBe(1030)
    await store.close()
  })

  it('are told once, all of them, where the batch that they share is refused', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('first')
    await turns()
    store.events.splice(0)
    environment.files.fail({ on: ['write', 'writeThrough'], path: /\.wal/, fault: { errno: 'ENOSPC' } })
    const results = await Promise.allSettled([
      store.appendAll(['a', 'b']),
      store.append('c'),
      store.appendAll(['d', 'e', 'f']),
    ])
    const refused = { status: 'rejected', reason: { code: 'NO_SPACE', outcome: 'not-written' } }
    expect(results).toMatchObject([refused, refused, refused])
    expect(store.events.filter((event) => event.startsWith('rejected'))).toEqual(['rejected 6 NO_SPACE'])
    expect(await store.appendAll(['g', 'h'])).toEqual([2, 3])
    expect(await readAll(store.log)).toEqual(['1:first', '2:g', '3:h'])
    await store.close()
  })

  it('are captured where there is no memory to copy them early', async () => {
    const { store, goOn } = await busy()
    const results = [store.append('a'), store.appendAll(texts(1023, 1000))]
    const buffers = vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementationOnce(() => {
      throw new RangeError('Array buffer allocation failed')
    })
    const more = store.appendAll(texts(2000, 1000))
    expect(buffers).toHaveBeenCalled()
    buffers.mockRestore()
    await goOn()
    expect((await Promise.all(results)).flat()).toEqual(Array.from({ length: 1024 }, (_, i) => i + 3))
    expect((await more).at(-1)).toBe(3026)
    expect(await readAll(store.log, 1026)).toEqual(texts(2000, 1000).map((each, i) => `${i + 1027}:${each}`))
    await store.close()
  })

  it('raise the level of the batch that they join', async () => {
    const store = await openHarness(faultyMemory(), { syncIntervalMs: 60_000 })
    await Promise.all([store.append('a', 'os'), store.appendAll(['b', 'c'], 'disk'), store.append('d', 'os')])
    expect(store.log.durableSeq).toBe(4)
    expect(store.log.stats().batches).toBe(1)
    await store.close()
  })

  it('leave it as it is where theirs is no higher', async () => {
    const store = await openHarness(faultyMemory(), { syncIntervalMs: 60_000 })
    await Promise.all([store.append('a', 'os'), store.appendAll(['b', 'c'], 'os')])
    expect(store.log.durableSeq).toBe(0)
    await Promise.all([store.append('a', 'disk'), store.appendAll(['b', 'c'], 'os')])
    expect(store.log.durableSeq).toBe(6)
    expect(store.log.stats().batches).toBe(2)
    await store.close()
  })

  it('count as queued, with what each record takes, until they are committed', async () => {
    const { store, goOn } = await busy()
    const { queuedBytes } = store.log
    // A length of four bytes, and the text.
    const results = [store.append('1234'), store.appendAll(['1', '12']), store.appendAll(['123'])]
    expect(store.log.queuedBytes - queuedBytes).toBe(8 + 5 + 6 + 7)
    await goOn()
    await Promise.all(results)
    expect(store.log.queuedBytes).toBe(0)
    await store.close()
  })
})

describe('a record with a getter that calls the log', () => {
  const codec = messagePackCodec

  it.each<[what: string, call: (wal: Wal<unknown>) => Promise<unknown>]>([
    ['append', (wal) => wal.append('inner')],
    ['appendAll', (wal) => wal.appendAll(['inner', 'inner'])],
  ])('cannot %s to it', async (_, call) => {
    const wal = await Wal.open<unknown>(STORE, { environment: memoryEnvironment(), codec })
    const calls: Promise<unknown>[] = []
    const record = acting(() => calls.push(call(wal).catch((error: unknown) => error)))
    const appended = [wal.append('a'), wal.append(record), wal.appendAll(['b', record, 'c']), wal.append('d')]
    expect(await Promise.all(appended)).toEqual([1, 2, { firstSeq: 3, lastSeq: 5 }, 6])
    const refused = { code: 'INVALID_ARGUMENT', outcome: 'not-written' }
    expect(await Promise.all(calls)).toMatchObject([refused, refused])
    const read: unknown[] = []
    for await (const { value } of wal.read()) read.push(value)
    expect(read).toEqual(['a', { acted: true }, 'b', { acted: true }, 'c', 'd'])
    await wal.close()
  })

  it.each(['push', 'pop'] as const)('cannot change which records are captured: %s', async (change) => {
    const wal = await Wal.open<unknown>(STORE, { environment: memoryEnvironment(), codec })
    const records: unknown[] = [
      acting(() => void (change === 'push' ? records.push('more') : records.pop())),
      'b',
    ]
    const appended = [wal.append('a'), wal.appendAll(records), wal.append('c'), wal.append('d')]
    expect(await Promise.all(appended)).toEqual([1, { firstSeq: 2, lastSeq: 3 }, 4, 5])
    const read: unknown[] = []
    for await (const { value } of wal.read()) read.push(value)
    expect(read).toEqual(['a', { acted: true }, 'b', 'c', 'd'])
    await wal.close()
  })

  it('is taken back with the structures that it defined', async () => {
    const wal = await Wal.open<unknown>(STORE, { environment: memoryEnvironment(), codec })
    const appended = [wal.append({ id: 1 })]
    const refused = wal.appendAll([{ id: 2 }, { name: 'x', at: { lat: 1 } }, -0])
    appended.push(wal.append({ at: { lat: 2 }, name: 'y' }), wal.append({ name: 'z', at: { lat: 3 } }))
    await expect(refused).rejects.toMatchObject({ code: 'NOT_SERIALIZABLE', details: { index: 2 } })
    expect(await Promise.all(appended)).toEqual([1, 2, 3])
    const read: unknown[] = []
    for await (const { value } of wal.read()) read.push(value)
    expect(read).toEqual([{ id: 1 }, { at: { lat: 2 }, name: 'y' }, { name: 'z', at: { lat: 3 } }])
    await wal.close()
  })

  it.each([
    ['a new log', false],
    ['an idle one', true],
  ])('is waited for where it closes %s', async (_, isWarm) => {
    const memory = new MemoryFileSystem()
    const wal = await Wal.open<unknown>(STORE, { environment: memoryEnvironment(memory), codec })
    if (isWarm) await wal.append('first')
    await turns()
    let closed: Promise<void> | undefined
    const appended = wal.append(
      acting(() => {
        closed = wal.close()
      }),
    )
    await closed
    const again = await Wal.open<unknown>(STORE, { environment: memoryEnvironment(memory), codec })
    expect(again.stats().lastSeq).toBe(await appended)
    expect(again.plan.survivors).toBeUndefined()
    await again.close()
  })

  it('cannot have its batch written meanwhile', async () => {
    const memory = new MemoryFileSystem()
    const environment = memoryEnvironment(memory)
    const wal = await Wal.open<unknown>(STORE, { environment, codec })
    let closed: Promise<void> | undefined
    const record = acting(() => {
      // By now the batch that is open has waited for longer than a write takes.
      environment.clock.advance(1000)
      closed = wal.close()
    })
    await wal.append('first')
    // So many that it looks at the clock.
    const results = [...texts(15), record].map((each) => wal.append(each))
    expect(await Promise.all(results)).toEqual(Array.from({ length: 16 }, (_, index) => index + 2))
    await closed
    const again = await Wal.open<unknown>(STORE, { environment: memoryEnvironment(memory), codec })
    const read: unknown[] = []
    for await (const { value } of again.read()) read.push(value)
    expect(read).toEqual(['first', ...texts(15), { acted: true }])
    await again.close()
  })
})
