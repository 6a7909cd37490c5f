import { GapError } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import {
  afterKill,
  bank,
  bytesOf,
  damage,
  errorLike,
  openBank,
  STORE,
  testEnvironment,
  turns,
} from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'
import { openAt, openReadOnly } from './open-read-only.ts'
import { Refusal } from './refusal.ts'

describe('openReadOnly', () => {
  it('sees what is there beside a live writer, and changes nothing', async () => {
    const { store, environment } = await openBank()
    for (let i = 0; i < 5; i++) await store.execute('note', i)
    const before = bytesOf(environment)
    const reader = await openReadOnly(STORE, bank, { environment })
    expect(reader.state).toEqual(store.state)
    expect(reader.appliedSeq).toBe(5)
    expect(reader.time).toBe(store.state.lastTime)
    await reader.close()
    expect(bytesOf(environment)).toEqual(before)
  })

  it('sees what was acknowledged before a kill, before any writer has put it in order', async () => {
    const { store, environment } = await openBank()
    for (let i = 0; i < 5; i++) await store.execute('note', i, { durability: i === 4 ? 'os' : 'disk' })
    const reader = await openReadOnly(STORE, bank, { environment: afterKill(environment) })
    expect(reader.state).toEqual(store.state)
    await reader.close()
  })

  it('reads on beside a writer that rotates and trims', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096, snapshot: { everyRecords: 60 } })
    await store.execute('note', 0)
    const reader = await openReadOnly(STORE, bank, { environment })
    for (let i = 1; i <= 1000; i++) {
      await store.execute('note', i)
      if (i % 97 === 0) await reader.refresh()
      if (i % 300 === 0) await turns(environment)
    }
    await expect(reader.refresh()).resolves.toBe(1001)
    expect(reader.state).toEqual(store.state)
    expect(store.stats().log.firstSeq).toBeGreaterThan(1)
    await reader.close()
  })

  it('while the writer is at work at every moment', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096, snapshot: { everyRecords: 60 } })
    let done = false
    const writing = (async () => {
      for (let i = 0; !done; i++) await store.execute('note', i)
    })()
    await turns(environment)
    const reader = await openReadOnly(STORE, bank, { environment })
    for (let n = 0; n < 100; n++) {
      const least = store.durableSeq
      const seq = await reader.refresh()
      expect(seq).toBeGreaterThanOrEqual(least)
      expect(reader.state.notes).toEqual(Array.from({ length: seq }, (_, i) => i))
    }
    done = true
    await writing
    await reader.close()
  })

  it('begins anew where what it read was never acknowledged and has been replaced', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 'kept')
    // What a reader sees of a batch whose write is then refused, and of the one that takes its place.
    const forked = afterKill(environment)
    const writer = await open(STORE, bank, { environment: forked })
    await writer.execute('note', 'replaced later')
    const seen = afterKill(forked)
    await writer.close()
    await store.execute('note', 'the real one')
    const reader = await openReadOnly(STORE, bank, { environment: seen })
    expect(reader.state.notes).toEqual(['kept', 'replaced later'])
    const { state } = reader
    const now = environment.memory.snapshot()
    for (const path of seen.memory.snapshot().keys()) if (!now.has(path)) await seen.memory.unlink(path)
    for (const [path, bytes] of now) seen.memory.put(path, bytes)
    await expect(reader.refresh()).resolves.toBe(2)
    expect(reader.state.notes).toEqual(['kept', 'the real one'])
    expect(reader.state).not.toBe(state)
    await reader.close()
  })

  it('refuses a directory without a store, and what open refuses', async () => {
    const environment = testEnvironment()
    await expect(openReadOnly('/nowhere', bank, { environment })).rejects.toThrow(errorLike('NO_STORE'))
    expect(environment.memory.snapshot().size).toBe(0)
    const { store } = await openBank({ segmentBytes: 4096 }, environment)
    for (let i = 0; i < 200; i++) await store.execute('note', i)
    await store.close()
    const newer = defineMachine({ version: 2, initial: () => ({}), commands: {} })
    await expect(openReadOnly(STORE, newer, { environment })).rejects.toThrow(errorLike('UPGRADE_FAILED'))
    damage(environment, /0000000001\.wal$/)
    await expect(openReadOnly(STORE, bank, { environment })).rejects.toThrow(errorLike('CORRUPT'))
    expect(environment.files.openFiles).toBe(0)
  })

  it('that refreshes over what it cannot apply stays where it was, however often it is tried', async () => {
    const environment = testEnvironment()
    const add = (state: { n: number }, by: number): void => void (state.n += by)
    const definition = { version: 1, initial: () => ({ n: 0 }) }
    const older = defineMachine({ ...definition, commands: { add } })
    const newer = defineMachine({ ...definition, commands: { add, double: (state) => void (state.n *= 2) } })
    const store = await open(STORE, newer, { environment })
    await store.execute('add', 1)
    const reader = await openReadOnly(STORE, older, { environment })
    await store.execute('add', 2)
    await store.executeAll([['add', 10], ['double']])
    for (let i = 0; i < 3; i++) {
      await expect(reader.refresh()).rejects.toThrow(errorLike('UNKNOWN_COMMAND', { seq: 4 }))
      expect([reader.appliedSeq, reader.state]).toEqual([2, { n: 3 }])
    }
    await store.close()
  })

  it('that refreshes over what `upgrade` throws over stays where it was', async () => {
    const environment = testEnvironment()
    const definition = {
      initial: () => ({ n: 0 }),
      commands: { add: (state: { n: number }, by: number) => void (state.n += by) },
    }
    const first = await open(STORE, defineMachine({ version: 1, ...definition }), { environment })
    await first.execute('add', 1)
    const upgrade = {
      command([name, by]: readonly [string, unknown]): [string, unknown] {
        if (by === 4) throw new Error('four')
        return [name, by]
      },
    }
    const reader = await openReadOnly(STORE, defineMachine({ version: 2, ...definition, upgrade }), {
      environment,
    })
    await first.executeAll([
      ['add', 2],
      ['add', 4],
    ])
    for (let i = 0; i < 20; i++) await first.execute('add', 1)
    for (let i = 0; i < 3; i++) {
      await expect(reader.refresh()).rejects.toThrow(errorLike('UPGRADE_FAILED', { seq: 3 }))
      expect([reader.appliedSeq, reader.state]).toEqual([1, { n: 1 }])
    }
    await first.close()
  })

  it('that refreshes over outcomes which are not its own has no state, until it agrees again', async () => {
    const environment = testEnvironment()
    let limit = 100
    const machine = defineMachine({
      version: 1,
      initial: () => ({ n: 0 }),
      commands: {
        add(state: { n: number }, by: number): void {
          if (state.n + by > limit) throw new Refusal('TOO_MUCH')
          state.n += by
        },
      },
    })
    const store = await open(STORE, machine, { environment })
    await store.execute('add', 1)
    const reader = await openReadOnly(STORE, machine, { environment })
    for (const by of [2, 3, 4, 5]) await store.execute('add', by)
    limit = 5
    await expect(reader.refresh()).rejects.toThrow(errorLike('DIVERGED'))
    expect(() => reader.state).toThrow(errorLike('DIVERGED'))
    await expect(reader.refresh()).rejects.toThrow(errorLike('DIVERGED'))
    limit = 100
    await expect(reader.refresh()).resolves.toBe(5)
    expect(reader.state).toEqual({ n: 15 })
    await store.close()
  })

  it('refuses to be used once it is closed', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    const reader = await openReadOnly(STORE, bank, { environment })
    await reader.close()
    await reader[Symbol.asyncDispose]()
    await expect(reader.refresh()).rejects.toThrow(errorLike('CLOSED'))
    expect(() => reader.changes({ from: 1 })).toThrow(errorLike('CLOSED'))
    expect(reader.state.notes).toEqual([1])
  })
})

describe('changes of a reader', () => {
  it('follow a writer from time to time, up to what is proven to be durable', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    await store.execute('note', 1)
    await store.execute('crash').catch(() => {})
    const reader = await openReadOnly(STORE, bank, { environment })
    const seen: number[] = []
    const feed = (async () => {
      for await (const { seq, refused } of reader.changes({ from: 1, pollMs: 1 })) {
        seen.push(refused ? -seq : seq)
        if (seq === 300) break
      }
    })()
    for (let i = 3; i <= 300; i++) await store.execute('note', i)
    await store.close() // the last outcomes stand in the mark
    await feed
    expect(seen).toEqual([1, -2, ...Array.from({ length: 298 }, (_, i) => i + 3)])
    await reader.close()
  })

  it('throw GapError for what was trimmed, ABORTED when told to stop, and end when it is closed', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    for (let i = 0; i < 600; i++) {
      await store.execute('note', i)
      if (i % 250 === 0) await store.snapshot()
    }
    await store.snapshot()
    const reader = await openReadOnly(STORE, bank, { environment })
    await expect(reader.changes({ from: 1 }).next()).rejects.toThrow(GapError)
    const controller = new AbortController()
    const aborted = (async () => {
      for await (const _ of reader.changes({ from: 590, pollMs: 1, signal: controller.signal }))
        controller.abort()
    })()
    await expect(aborted).rejects.toThrow(errorLike('ABORTED'))
    const ended = (async () => {
      for await (const { seq } of reader.changes({ from: 590, pollMs: 1 }))
        if (seq === 599) void reader.close()
    })()
    await ended
    for (const pollMs of [0, 1.5, 2 ** 31]) {
      expect(() => reader.changes({ from: 1, pollMs })).toThrow(errorLike('INVALID_ARGUMENT'))
    }
  })
})

describe('openAt', () => {
  it('gives the state after a sequence, from whichever snapshot lies before it', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096, snapshot: { keep: 5 } })
    for (let i = 1; i <= 30; i++) {
      await store.execute('note', i)
      if (i % 10 === 0) await store.snapshot()
    }
    const first = store.stats().log.firstSeq
    for (const seq of [first + 10, 20, 25, 30]) {
      const past = await openAt(STORE, bank, { seq }, { environment })
      expect(past.appliedSeq).toBe(seq)
      expect(past.state.notes).toEqual(Array.from({ length: seq }, (_, i) => i + 1))
      await store.execute('note', 'later')
      await expect(past.refresh()).resolves.toBe(seq)
      await past.close()
    }
  })

  it('inside a batch', async () => {
    const { store, environment } = await openBank()
    await store.executeAll([1, 2, 3].map((value) => ['note', value] as const))
    const past = await openAt(STORE, bank, { seq: 2 }, { environment })
    expect(past.state.notes).toEqual([1, 2])
  })

  it('gives the state at the last sequence whose batch time is at or before a time', async () => {
    const { store, environment } = await openBank()
    const times: number[] = []
    for (let i = 1; i <= 5; i++) {
      environment.clock.advance(1000)
      await store.execute('note', i)
      times.push(store.state.lastTime)
      if (i === 3) await store.snapshot()
    }
    const at = async (time: number): Promise<number> =>
      (await openAt(STORE, bank, { time }, { environment })).appliedSeq
    await expect(at(times[0] as number)).resolves.toBe(1)
    await expect(at((times[0] as number) - 1)).resolves.toBe(0)
    await expect(at((times[2] as number) + 999)).resolves.toBe(3)
    await expect(at(times[3] as number)).resolves.toBe(4)
    await expect(at((times[4] as number) + 1_000_000)).resolves.toBe(5)
  })

  it('sequence 0 is the state before the first', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    const past = await openAt(STORE, bank, { seq: 0 }, { environment })
    expect(past.state).toEqual(bank.initial())
  })

  it('throws GapError before what is kept, INVALID_ARGUMENT behind what is there', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    for (let i = 1; i <= 600; i++) {
      await store.execute('note', i)
      if (i % 250 === 0) await store.snapshot()
    }
    await expect(openAt(STORE, bank, { seq: 5 }, { environment })).rejects.toThrow(GapError)
    await expect(openAt(STORE, bank, { time: 0 }, { environment })).rejects.toThrow(
      errorLike('GAP', { details: { time: 0 }, hint: expect.stringContaining('At time 0') as string }),
    )
    await expect(openAt(STORE, bank, { seq: 601 }, { environment })).rejects.toThrow(
      errorLike('INVALID_ARGUMENT', { details: { lastSeq: 600 } }),
    )
    await expect(openAt(STORE, bank, { seq: 600, time: 0 }, { environment })).rejects.toThrow(/not both/)
    for (const seq of [-1, 1.5]) {
      await expect(openAt(STORE, bank, { seq }, { environment })).rejects.toThrow(
        errorLike('INVALID_ARGUMENT'),
      )
    }
  })
})
