import type { StandardSchemaV1 } from '@standard-schema/spec'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { bank, errorLike, STORE, type TestEnvironment, testEnvironment } from './bank.fixture.ts'
import { defineMachine, guard } from './machine.ts'
import { open } from './open.ts'
import type { OpenOptions } from './open-options.ts'
import { Refusal } from './refusal.ts'
import type { ApplyFailure } from './store-events.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

async function openBank(options: OpenOptions = {}, environment: TestEnvironment = testEnvironment()) {
  const store = await open(STORE, bank, { environment, ...options })
  opened.push(store)
  return { store, environment }
}

describe('execute', () => {
  it('resolves to what apply returned, once the command is durable and applied', async () => {
    const { store } = await openBank()
    await expect(store.execute('deposit', { to: 'ann', amount: 5 })).resolves.toBe(5)
    await expect(store.execute('deposit', { to: 'ann', amount: 2 })).resolves.toBe(7)
    expect(store.state.accounts.get('ann')).toBe(7)
    expect([store.appliedSeq, store.durableSeq]).toEqual([2, 2])
  })

  it('gives apply the value decoded from the log, never the object of the caller', async () => {
    const { store } = await openBank()
    const value = { list: [1, 2] }
    const executed = store.execute('note', value)
    value.list.push(3)
    const result = await executed
    expect(result).toEqual({ list: [1, 2] })
    expect(store.state.notes[0]).toBe(result)
    expect(store.state.notes[0]).not.toBe(value)
  })

  it('takes sequence and time from the log', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    environment.clock.advance(5000)
    await store.execute('note', 2)
    expect(store.state).toMatchObject({ lastSeq: 2, lastTime: environment.clock.now() })
  })

  it('rejects with the refusal that apply threw; the command is in the log as refused', async () => {
    const { store } = await openBank()
    const refused = store.execute('transfer', { from: 'ann', to: 'bob', amount: 1 })
    await expect(refused).rejects.toBeInstanceOf(Refusal)
    await expect(refused).rejects.toMatchObject({ code: 'TOO_LOW', data: { balance: 0 } })
    expect(store.appliedSeq).toBe(1)
    expect(store.stats()).toMatchObject({ refused: 1, applyFailures: 0 })
  })

  it('takes any other throw of apply for a refusal, and tells of it', async () => {
    const { store } = await openBank()
    const failures: ApplyFailure[] = []
    store.events.on('applyFailed', (failure) => failures.push(failure))
    await expect(store.execute('crash')).rejects.toThrow(TypeError)
    expect(failures).toEqual([
      { seq: 1, time: expect.any(Number) as number, name: 'crash', error: expect.any(TypeError) as Error },
    ])
    expect(store.stats()).toMatchObject({ refused: 1, applyFailures: 1 })
  })

  it('takes a promise that apply returned for a refusal, and lets nothing of it escape', async () => {
    const { store } = await openBank()
    const failures: unknown[] = []
    store.events.on('applyFailed', ({ error }) => failures.push(error))
    await expect(store.execute('later')).rejects.toThrow(errorLike('ASYNC_APPLY', { seq: 1 }))
    expect(failures).toHaveLength(1)
    await expect(store.execute('note', 'it goes on')).resolves.toBe('it goes on')
  })

  it('lets a listener throw without breaking a batch', async () => {
    const { store } = await openBank()
    const uncaught: unknown[] = []
    const previous = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => uncaught.push(error))
    store.events.on('applyFailed', () => {
      throw new Error('a bad listener')
    })
    const results = await store.executeAll([['crash'], ['note', 1]])
    for (const listener of previous) process.on('uncaughtException', listener)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(uncaught).toEqual([expect.objectContaining({ message: 'a bad listener' })])
  })

  it('refuses a name that there is not, before the log', async () => {
    const { store } = await openBank()
    await expect(store.execute('withdraw' as never, 1 as never)).rejects.toThrow(errorLike('UNKNOWN_COMMAND'))
    await expect(store.execute(7 as never, 1 as never)).rejects.toThrow(errorLike('UNKNOWN_COMMAND'))
    expect(store.appliedSeq).toBe(0)
  })

  it('refuses what cannot be brought back exactly, with the path of the value inside the argument', async () => {
    const { store } = await openBank()
    const executed = store.execute('note', { players: [{ name: 'ann' }, { name: () => {} }] })
    await expect(executed).rejects.toThrow(
      errorLike('NOT_SERIALIZABLE', { details: expect.objectContaining({ at: '$.players[1].name' }) }),
    )
    await expect(executed).rejects.toThrow(/\$\.players\[1\]\.name/)
    await expect(store.execute('note', new Date(Number.NaN))).rejects.toThrow(
      errorLike('NOT_SERIALIZABLE', { details: expect.objectContaining({ at: '$' }) }),
    )
    await expect(store.execute('note', 'good')).resolves.toBe('good')
    expect(store.appliedSeq).toBe(1)
  })

  it('refuses a record over maxRecordBytes, and what comes before and after it in the batch is good', async () => {
    const { store } = await openBank({ maxRecordBytes: 100 })
    const results = await Promise.allSettled([
      store.execute('note', 'before'),
      store.execute('note', 'x'.repeat(200)),
      store.execute('note', 'after'),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'RECORD_TOO_LARGE' } })
    expect(store.state.notes).toEqual(['before', 'after'])
  })

  it('cancels only before a sequence is taken', async () => {
    const { store } = await openBank()
    const aborted = AbortSignal.abort(new Error('no longer wanted'))
    await expect(store.execute('note', 1, { signal: aborted })).rejects.toThrow(
      errorLike('ABORTED', { outcome: 'not-written' }),
    )
    const controller = new AbortController()
    const executed = store.execute('note', 2, { signal: controller.signal })
    controller.abort()
    await expect(executed).resolves.toBe(2)
    expect(store.state.notes).toEqual([2])
  })

  it('refuses an option that there is not', async () => {
    const { store } = await openBank()
    const misspelt = { durabilty: 'os' } as never
    for (const call of [
      store.execute('note', 1, misspelt),
      store.executeAll([['note', 1]], misspelt),
      store.executeEach([['note', 1]], misspelt),
    ]) {
      await expect(call).rejects.toThrow(errorLike('INVALID_ARGUMENT', { details: { option: 'durabilty' } }))
    }
    expect(store.appliedSeq).toBe(0)
  })

  it('refuses a level that there is not', async () => {
    const { store } = await openBank()
    await expect(store.execute('note', 1, { durability: 'ram' as never })).rejects.toThrow(
      errorLike('INVALID_ARGUMENT'),
    )
  })
})

describe('group commit', () => {
  it('is one write and one sync for each batch', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 0)
    environment.files.clearLog()
    await Promise.all(Array.from({ length: 100 }, (_, i) => store.execute('note', i)))
    const { files } = environment
    expect(files.count('write', /\.wal/) + files.count('writeThrough', /\.wal/)).toBe(1)
    expect(files.count('sync', /\.wal/)).toBe(0) // the write went through
    expect(store.stats().log.batches).toBe(2)
  })

  it('lets callers that were woken together commit together', async () => {
    const { store } = await openBank()
    const caller = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await store.execute('note', i)
    }
    await Promise.all([caller(), caller(), caller(), caller()])
    expect(store.stats().log.batches).toBe(5)
  })
})

describe('levels', () => {
  it('are mixed in one store: disk covers everything before it', async () => {
    const { store, environment } = await openBank({ syncIntervalMs: 60_000 })
    await store.execute('note', 0)
    environment.files.clearLog()
    await store.execute('note', 1, { durability: 'os' })
    expect([store.appliedSeq, store.durableSeq]).toEqual([2, 1])
    expect(environment.files.count('sync', /\.wal/)).toBe(0)
    await store.execute('note', 2)
    expect([store.appliedSeq, store.durableSeq]).toEqual([3, 3])
    expect(environment.files.count('sync', /\.wal/)).toBe(1) // the plain write before it is not covered by a write-through
  })

  it('os is synced when asked for', async () => {
    const { store } = await openBank({ durability: 'os', syncIntervalMs: 60_000 })
    await store.execute('note', 1)
    expect(store.durableSeq).toBe(0)
    await expect(store.sync()).resolves.toBe(1)
    expect(store.durableSeq).toBe(1)
  })
})

describe('executeAll', () => {
  it('gives each of several callers the outcomes of its own commands, in the order of the calls', async () => {
    const { store } = await openBank()
    await store.execute('note', 'first')
    const before = store.stats().log.batches
    const refused = { status: 'rejected', reason: expect.any(Refusal) as Error }
    const results = await Promise.all([
      store.executeAll([
        ['deposit', { to: 'ann', amount: 5 }],
        ['transfer', { from: 'bob', to: 'ann', amount: 1 }],
      ]),
      store.execute('note', 'alone'),
      store.executeAll([
        ['transfer', { from: 'ann', to: 'bob', amount: 9 }],
        ['transfer', { from: 'ann', to: 'bob', amount: 4 }],
        ['note', 'x'],
      ]),
      store.execute('transfer', { from: 'ann', to: 'bob', amount: 2 }).catch((error: unknown) => error),
    ])
    expect(results).toEqual([
      [{ status: 'fulfilled', value: 5 }, refused],
      'alone',
      [refused, { status: 'fulfilled', value: undefined }, { status: 'fulfilled', value: 'x' }],
      expect.any(Refusal),
    ])
    expect(store.stats().log.batches).toBe(before + 1)
    expect(store.appliedSeq).toBe(8)
  })

  it('is in one frame, with one outcome for each command', async () => {
    const { store } = await openBank()
    const outcomes = await store.executeAll([
      ['deposit', { to: 'ann', amount: 5 }],
      ['transfer', { from: 'bob', to: 'ann', amount: 1 }],
      ['note', 'x'],
    ])
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: 5 },
      { status: 'rejected', reason: expect.any(Refusal) as Error },
      { status: 'fulfilled', value: 'x' },
    ])
    expect(store.stats().log.batches).toBe(1)
  })

  it('captures nothing where one of them is refused at the call', async () => {
    const { store } = await openBank({ maxRecordBytes: 100 })
    const bad: [unknown, string][] = [
      [Symbol('s'), 'NOT_SERIALIZABLE'],
      ['x'.repeat(200), 'RECORD_TOO_LARGE'],
    ]
    for (const [value, code] of bad) {
      await expect(
        store.executeAll([
          ['note', 1],
          ['note', value],
        ]),
      ).rejects.toThrow(errorLike(code))
    }
    await expect(store.executeAll([['note', 1], ['gone', 1] as never])).rejects.toThrow(
      errorLike('UNKNOWN_COMMAND'),
    )
    const notStored = store.executeAll([
      ['note', 1],
      ['note', [() => {}]],
    ])
    await expect(notStored).rejects.toThrow(
      errorLike('NOT_SERIALIZABLE', { details: expect.objectContaining({ at: '$[0]', index: 1 }) }),
    )
    await expect(notStored).rejects.toThrow(/of command 1, \$\[0\]/)
    await expect(store.executeAll('note' as never)).rejects.toThrow(errorLike('INVALID_ARGUMENT'))
    await expect(store.executeAll([['note', 1], 'note' as never])).rejects.toThrow(
      errorLike('INVALID_ARGUMENT', { details: { index: 1 } }),
    )
    await expect(store.executeAll([])).resolves.toEqual([])
    await expect(store.executeAll([['note', 1]], { signal: AbortSignal.abort() })).rejects.toThrow(
      errorLike('ABORTED'),
    )
    expect(store.appliedSeq).toBe(0)
  })

  it('refuses more than one frame can hold', async () => {
    const { store } = await openBank({
      maxRecordBytes: 128 * 1024 * 1024,
      maxQueuedBytes: 1024 * 1024 * 1024,
    })
    const large = new Uint8Array(100 * 1024 * 1024)
    await expect(
      store.executeAll([
        ['note', large],
        ['note', large],
        ['note', large],
      ]),
    ).rejects.toThrow(errorLike('BATCH_TOO_LARGE', { outcome: 'not-written' }))
    await expect(
      store.executeAll(Array.from({ length: 1_000_001 }, () => ['note', 0] as const)),
    ).rejects.toThrow(errorLike('BATCH_TOO_LARGE'))
    await expect(store.execute('note', 1)).resolves.toBe(1)
    expect(store.appliedSeq).toBe(1)
  })
})

describe('a schema before a command', () => {
  const Deposit = z.object({ to: z.string(), amount: z.coerce.number<string>().positive() })
  const guarded = guard(bank, { deposit: Deposit })

  it('sees the argument at the call; what it gives is logged', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, guarded, { environment })
    opened.push(store)
    await expect(store.execute('deposit', { to: 'ann', amount: '5' })).resolves.toBe(5)
    await store.close()
    const again = await open(STORE, bank, { environment })
    opened.push(again)
    expect(again.state.accounts.get('ann')).toBe(5)
  })

  it('refuses with INVALID_COMMAND and its own words', async () => {
    const store = await open(STORE, guarded, { environment: testEnvironment() })
    opened.push(store)
    const executed = store.execute('deposit', { to: 'ann', amount: '-5' })
    await expect(executed).rejects.toThrow(errorLike('INVALID_COMMAND'))
    await expect(executed).rejects.toThrow(/amount: /)
    await expect(
      store.executeAll([
        ['deposit', { to: 'ann', amount: '1' }],
        ['deposit', { to: 1 } as never],
      ]),
    ).rejects.toThrow(errorLike('INVALID_COMMAND'))
    expect(store.appliedSeq).toBe(0)
  })

  it('may be asynchronous: it is awaited before the capture', async () => {
    const slow: StandardSchemaV1<unknown, unknown> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) =>
          value === 'bad'
            ? { issues: [{ message: 'bad', path: ['a', { key: 'b' }] }] }
            : { value: `checked ${String(value)}` },
      },
    }
    const store = await open(STORE, guard(bank, { note: slow }), { environment: testEnvironment() })
    opened.push(store)
    await expect(store.execute('note', 1)).resolves.toBe('checked 1')
    await expect(store.execute('note', 'bad')).rejects.toThrow(/a\.b: bad/)
    await expect(
      store.executeAll([
        ['note', 2],
        ['deposit', { to: 'ann', amount: 1 }],
      ]),
    ).resolves.toHaveLength(2)
    // One that is refused at once leaves the other's refusal to nobody.
    await expect(store.executeAll([['note', 'bad'], ['gone', 1] as never])).rejects.toThrow(
      errorLike('UNKNOWN_COMMAND'),
    )
    const controller = new AbortController()
    const late = store.execute('note', 3, { signal: controller.signal })
    controller.abort()
    await expect(late).rejects.toThrow(errorLike('ABORTED'))
    expect(store.appliedSeq).toBe(3)
  })
})

describe('a bare apply', () => {
  it('runs as named commands do', async () => {
    const counter = defineMachine({
      version: 1,
      initial: () => ({ total: 0 }),
      apply(state, [name, amount]: ['add', number] | ['reset']) {
        state.total = name === 'add' ? state.total + (amount ?? 0) : 0
        return state.total
      },
    })
    const store = await open(STORE, counter, { environment: testEnvironment() })
    opened.push(store)
    await expect(store.execute('add', 2)).resolves.toBe(2)
    await expect(store.execute('reset')).resolves.toBe(0)
  })
})
