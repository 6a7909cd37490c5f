import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isHoldfastError } from '@holdfast/environment'
import { ManualTimers } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  afterKill,
  bank,
  damage,
  errorLike,
  filesLike,
  openBank,
  STORE,
  testEnvironment,
  type TestEnvironment,
  turns,
} from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'
import { bytesBetween, snapshotPolicy } from './snapshot-options.ts'

async function until(condition: () => boolean, environment: TestEnvironment): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await turns(environment, 1)
  expect(condition()).toBe(true)
}

describe('snapshots', () => {
  it('bound what a restart replays', async () => {
    const { store, environment } = await openBank()
    for (let i = 0; i < 20; i++) await store.execute('note', i)
    const snapshot = await store.snapshot()
    expect(snapshot.seq).toBe(20)
    await store.execute('note', 20)
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.report).toMatchObject({
      snapshot: { seq: 20, digest: snapshot.digest },
      replay: { records: 1 },
    })
    expect(again.state).toEqual(store.state)
    await again.close()
  })

  it('are named in the manifest once they are published, with their digest', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    const { id, digest } = await store.snapshot()
    const manifest = environment.memory.snapshot().get('/store/MANIFEST')?.toString('latin1')
    expect(manifest).toContain(`"id":${id},"seq":1`)
    expect(manifest).toContain(digest)
  })

  it('without a change since the last one are that one', async () => {
    const { store } = await openBank()
    await store.execute('note', 1)
    const first = await store.snapshot()
    await expect(store.snapshot()).resolves.toEqual(first)
    expect(store.stats().snapshots.taken).toBe(1)
  })

  it('have one digest for one state, whoever wrote them', async () => {
    const { store } = await openBank()
    for (let i = 0; i < 5; i++) await store.execute('deposit', { to: `account ${i}`, amount: i })
    const { digest } = await store.snapshot()
    const { store: other } = await openBank({}, testEnvironment())
    await other.executeAll(
      Array.from({ length: 5 }, (_, i) => ['deposit', { to: `account ${i}`, amount: i }] as const),
    )
    expect((await other.snapshot()).digest).toBe(digest)
  })

  it('are smaller where they are compressed, have the same digest, and are read either way', async () => {
    const sizes: number[] = []
    const digests = new Set<string>()
    for (const [compression, other] of [
      ['none', 'zstd'],
      ['zstd', 'none'],
    ] as const) {
      const { store, environment } = await openBank({ snapshot: { compression } })
      for (let i = 0; i < 5; i++) await store.execute('note', `again and again ${'x'.repeat(10_000)}`)
      const { bytes, digest } = await store.snapshot()
      sizes.push(bytes)
      digests.add(digest)
      const options = { environment: afterKill(environment), snapshot: { compression: other } }
      const again = await open(STORE, bank, options)
      expect(again.report).toMatchObject({ snapshot: { seq: 5, digest }, replay: { records: 0 } })
      expect(again.state).toEqual(store.state)
      await again.close()
    }
    expect(digests.size).toBe(1)
    expect(sizes[1]).toBeLessThan((sizes[0] as number) / 10)
  })

  it('store the streamed entries of a machine that has some', async () => {
    const machine = defineMachine({
      version: 1,
      initial: () => new Map<string, number>(),
      commands: {
        set: (state, [key, value]: [string, number]) => void state.set(key, value),
      },
      *entries(state) {
        yield* state
      },
      async restore(entries: AsyncIterable<[string, number]>) {
        const state = new Map<string, number>()
        for await (const [key, value] of entries) state.set(key, value)
        return state
      },
    })
    const environment = testEnvironment()
    const store = await open(STORE, machine, { environment })
    for (let i = 0; i < 100; i++) await store.execute('set', [`key ${i}`, i])
    await store.snapshot()
    const again = await open(STORE, machine, { environment: afterKill(environment) })
    expect(again.report.replay.records).toBe(0)
    expect([...again.state]).toEqual([...store.state])
    await again.close()
    await store.close()
  })

  it('that restore throws over are RESTORE_FAILED: no older one is tried, and nothing is changed', async () => {
    const counter = (restore: (entries: AsyncIterable<number>) => Promise<{ count: number }>) =>
      defineMachine({
        version: 1,
        initial: () => ({ count: 0 }),
        commands: { add: (state, by: number) => void (state.count += by) },
        entries: (state) => [state.count],
        restore,
      })
    const environment = testEnvironment()
    const sound = counter(async (entries) => {
      for await (const count of entries) return { count }
      return { count: 0 }
    })
    const store = await open(STORE, sound, { environment })
    for (const by of [1, 2]) {
      await store.execute('add', by)
      await store.snapshot()
    }
    await store.close()
    const bug = new Error('a bug in restore')
    const before = environment.memory.snapshot()
    await expect(
      open(
        STORE,
        counter(() => Promise.reject(bug)),
        { environment },
      ),
    ).rejects.toThrow(errorLike('RESTORE_FAILED', { cause: bug }))
    expect(environment.memory.snapshot()).toEqual(before)
    const again = await open(STORE, sound, { environment })
    expect(again.state.count).toBe(3)
    await again.close()
  })

  it('of an older version that upgrade throws over, at once or at an entry, are UPGRADE_FAILED', async () => {
    const counter = (version: number, upgrade = {}) =>
      defineMachine({
        version,
        initial: () => ({ count: 0 }),
        commands: { add: (state, by: number) => void (state.count += by) },
        entries: (state) => [state.count],
        async restore(entries: AsyncIterable<number>) {
          for await (const count of entries) return { count }
          return { count: 0 }
        },
        upgrade,
      })
    const environment = testEnvironment()
    const store = await open(STORE, counter(1), { environment })
    await store.execute('add', 5)
    await store.snapshot()
    await store.close()
    const bug = new Error('a bug in upgrade')
    const before = environment.memory.snapshot()
    const atOnce = (): never => {
      throw bug
    }
    async function* atAnEntry(entries: AsyncIterable<number>) {
      for await (const count of entries) {
        if (count === 5) throw bug
        yield count
      }
    }
    for (const entries of [atOnce, atAnEntry]) {
      await expect(open(STORE, counter(2, { entries }), { environment })).rejects.toThrow(
        errorLike('UPGRADE_FAILED', { cause: bug }),
      )
    }
    expect(environment.memory.snapshot()).toEqual(before)
    const next = await open(STORE, counter(2), { environment })
    expect(next.state.count).toBe(5)
    await next.close()
  })

  it('of a machine that stops reading early, or swallows an error, are verified to the end all the same', async () => {
    const lazy = defineMachine({
      version: 1,
      initial: () => ({ first: 'none' }),
      commands: { set: (state, first: string) => void (state.first = first) },
      entries: (state) => [state.first, 'x'.repeat(100_000)],
      async restore(entries: AsyncIterable<string>) {
        const state = { first: 'none' }
        try {
          for await (const first of entries) {
            state.first = first
            break
          }
        } catch {}
        return state
      },
    })
    const environment = testEnvironment()
    const store = await open(STORE, lazy, { environment })
    await store.execute('set', 'a')
    await store.snapshot()
    const good = await open(STORE, lazy, { environment: afterKill(environment) })
    expect(good.state.first).toBe('a')
    await good.close()
    for (const where of [0.05, 0.6, 0.99]) {
      const killed = afterKill(environment)
      damage(killed, /\.snap$/, where)
      const again = await open(STORE, lazy, { environment: killed })
      expect(again.report).toMatchObject({ snapshot: undefined, setAside: [{ seq: 1 }] })
      expect(again.state.first).toBe('a') // from the log
      await again.close()
    }
    await store.close()
  })
})

describe('the snapshot policy', () => {
  it('takes one after so many records', async () => {
    const { store, environment } = await openBank({ snapshot: { everyRecords: 10 } })
    for (let i = 0; i < 25; i++) await store.execute('note', i)
    await until(() => store.stats().snapshots.taken === 2, environment)
    expect(store.stats().snapshots.kept.map(({ seq }) => seq)).toEqual([20, 10])
  })

  it('takes one after so many bytes', async () => {
    const { store, environment } = await openBank({ snapshot: { everyBytes: 10_000 } })
    for (let i = 0; i < 3; i++) await store.execute('note', 'x'.repeat(4000))
    await until(() => store.stats().snapshots.taken === 1, environment)
    expect(store.stats().snapshots.kept[0]?.seq).toBe(3)
  })

  it('counts the bytes that the log takes, not only those of the commands', async () => {
    const { store } = await openBank({ snapshot: { everyBytes: 20_000 } })
    const appended: number[] = []
    store.events.on('snapshot', () => appended.push(store.stats().log.appendedBytes))
    for (let i = 0; i < 1000; i++) await store.execute('note', i)
    expect(appended.length).toBeGreaterThan(2)
    // And a batch or two that were on their way.
    for (const [i, bytes] of appended.entries()) expect(bytes).toBeLessThan((i + 1) * 20_500)
  })

  it('counts what crashes leave of the space that was taken ahead', async () => {
    let environment = testEnvironment()
    const options = { snapshot: { everyBytes: 512 * 1024 } }
    const bytes: number[] = []
    for (let life = 0; life < 30; life++) {
      const { store } = await openBank(options, environment)
      await store.execute('note', life)
      await turns(environment)
      bytes.push([...environment.memory.snapshot().values()].reduce((sum, { length }) => sum + length, 0))
      environment = afterKill(environment)
    }
    // Two intervals, and a segment more at either end; 64 KiB came with each life.
    expect(Math.max(...bytes)).toBeLessThan(1.3 * 1024 * 1024)
    expect(bytes[29]).toBeGreaterThan(512 * 1024)
  })

  it('takes one after as many bytes as the last one has, and 64 MiB at least', () => {
    const MIB = 1024 * 1024
    const policy = snapshotPolicy()
    expect([0, 1, 64 * MIB, 64 * MIB + 1, 1000 * MIB].map((last) => bytesBetween(policy, last))).toEqual([
      64 * MIB,
      64 * MIB,
      64 * MIB,
      64 * MIB + 1,
      1000 * MIB,
    ])
    expect(bytesBetween(snapshotPolicy({ everyBytes: 5 }), 1000)).toBe(5)
  })

  it('takes one after so long, if there is something new, and none once the store is closed', async () => {
    const memory = testEnvironment()
    const timers = new ManualTimers(memory.clock)
    const { store, environment } = await openBank({ snapshot: { everyMs: 1000 } }, { ...memory, timers })
    const taken = async (ms: number): Promise<number> => {
      timers.advance(ms)
      await turns(environment, 50)
      return store.stats().snapshots.taken
    }
    await store.execute('note', 1)
    expect(await taken(999)).toBe(0)
    expect(await taken(1)).toBe(1)
    expect(await taken(5000)).toBe(1)
    await store.execute('note', 2)
    expect(await taken(999)).toBe(1)
    expect(await taken(1)).toBe(2)
    await store.execute('note', 3)
    await store.close()
    expect(timers.pending).toBe(0)
    expect(filesLike(environment, /\.snap$/)).toHaveLength(2)
  })

  it('counts what was replayed: a process that keeps dying takes one too', async () => {
    let { store, environment } = await openBank()
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 4; i++) await store.execute('note', i)
      environment = afterKill(environment)
      ;({ store } = await openBank({ snapshot: { everyRecords: 10 } }, environment))
    }
    await until(() => store.stats().snapshots.kept.length > 0, environment)
  })

  it('keeps the newest, and the log back to the oldest of them', async () => {
    const { store, environment } = await openBank({
      segmentBytes: 4096,
      snapshot: { everyRecords: 100, keep: 3 },
    })
    const trimmed: unknown[] = []
    store.events.on('trimmed', (info) => trimmed.push(info))
    for (let i = 0; i < 550; i++) await store.execute('note', i)
    await until(() => store.stats().snapshots.taken === 5, environment)
    await turns(environment)
    const kept = store.stats().snapshots.kept.map(({ seq }) => seq)
    expect(kept).toEqual([500, 400, 300])
    expect(filesLike(environment, /\.snap$/)).toHaveLength(3)
    const { firstSeq } = store.stats().log
    expect(firstSeq).toBeGreaterThan(1)
    expect(firstSeq).toBeLessThanOrEqual(301)
    expect(trimmed.length).toBeGreaterThan(0)
  })

  it('names a snapshot in the manifest no longer before it is deleted', async () => {
    const environment = testEnvironment()
    const { store } = await openBank({ snapshot: { keep: 2 } }, environment)
    const named: number[][] = []
    const before = (): void => {
      const manifest = environment.memory.snapshot().get('/store/MANIFEST')?.toString('latin1') ?? ''
      named.push([...manifest.matchAll(/"id":(\d+),"seq":\d+,"bytes"/g)].map(([, id]) => Number(id)))
    }
    environment.files.fail({ on: 'unlink', path: /\.snap$/, fault: { before } })
    const ids: number[] = []
    for (let i = 0; i < 3; i++) {
      await store.execute('note', i)
      ids.unshift((await store.snapshot()).id)
    }
    await turns(environment)
    expect(named).toEqual([ids.slice(0, 2)])
    expect(filesLike(environment, /\.snap$/)).toHaveLength(2)
  })

  it('never trims while there is only one snapshot: the fallback must be real', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    for (let i = 0; i < 300; i++) await store.execute('note', i)
    await store.snapshot()
    expect(store.stats().log.firstSeq).toBe(1)
    const killed = afterKill(environment)
    damage(killed, /\.snap$/)
    const again = await open(STORE, bank, { environment: killed })
    expect(again.state).toEqual(store.state)
    await again.close()
  })
})

describe('a snapshot that fails', () => {
  it('for a state that cannot be stored leaves the store alone, and names the path', async () => {
    const odd = defineMachine({
      version: 1,
      initial: () => ({ players: [] as unknown[] }),
      commands: {
        add: (state, name: string) => void state.players.push({ name }),
        spoil: (state) => void state.players.push({ name: () => {} }),
        mend: (state) => void state.players.pop(),
      },
    })
    const environment = testEnvironment()
    const store = await open(STORE, odd, { environment, snapshot: { everyRecords: 10 } })
    const failures: Error[] = []
    store.events.on('snapshotFailed', (error) => failures.push(error))
    await store.execute('add', 'ann')
    await store.snapshot()
    await store.execute('spoil')
    for (let i = 0; i < 12; i++) await store.execute('add', 'x')
    await until(() => failures.length > 0, environment)
    await turns(environment)
    expect(failures).toEqual([
      errorLike('NOT_SERIALIZABLE', { message: expect.stringContaining('players[1].name') }),
    ])
    expect(store.stats().snapshots).toMatchObject({ taken: 1, failed: 1, lastError: failures[0] })
    expect(filesLike(environment, /snapshots/)).toHaveLength(1)
    await expect(store.snapshot()).rejects.toThrow(errorLike('NOT_SERIALIZABLE'))
    await store.execute('add', 'it goes on')
    await store.close()
  })

  it('for want of space leaves the earlier ones, removes its temporary file, and is taken later', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    const first = await store.snapshot()
    await store.execute('note', 2)
    const rule = environment.files.fail({
      on: ['write', 'writeThrough'],
      path: /snapshots/,
      times: Infinity,
      fault: { errno: 'ENOSPC' },
    })
    await expect(store.snapshot()).rejects.toThrow(errorLike('NO_SPACE'))
    expect(filesLike(environment, /snapshots/)).toEqual([first.path])
    rule.remove()
    await expect(store.snapshot()).resolves.toMatchObject({ seq: 2 })
  })

  it('because entries threw says so', async () => {
    const machine = defineMachine({
      version: 1,
      initial: () => ({ bad: false }),
      commands: { spoil: (state) => void (state.bad = true) },
      entries(state) {
        if (state.bad) throw new RangeError('a bug in entries')
        return [0]
      },
      restore: () => ({ bad: false }),
    })
    const store = await open(STORE, machine, { environment: testEnvironment() })
    await store.execute('spoil')
    await expect(store.snapshot()).rejects.toThrow(
      errorLike('SNAPSHOT_FAILED', { cause: expect.any(RangeError) }),
    )
    await store.close()
  })
})

describe('while a snapshot is written', () => {
  it('nothing is applied, reads go on, and commands are captured', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    let release: (value?: unknown) => void = () => {}
    const hang = new Promise((resolve) => {
      release = resolve
    })
    environment.files.fail({ on: ['write', 'writeThrough'], path: /snapshots/, fault: { hang } })
    const snapshot = store.snapshot()
    const executed = store.execute('note', 2)
    await turns(environment)
    expect(store.state.notes).toEqual([1])
    release()
    await expect(snapshot).resolves.toMatchObject({ seq: 1 })
    await executed
    expect(store.state.notes).toEqual([1, 2])
  })

  it('publishes it only when the log is durable at least to its sequence', async () => {
    const { store, environment } = await openBank({ durability: 'os', syncIntervalMs: 60_000 })
    await store.execute('note', 1)
    expect(store.durableSeq).toBe(0)
    let release: (value?: unknown) => void = () => {}
    const hang = new Promise((resolve) => {
      release = resolve
    })
    environment.files.fail({ on: 'sync', path: /\.wal/, fault: { hang } })
    const snapshot = store.snapshot()
    await turns(environment, 50)
    expect(filesLike(environment, /\.snap$/)).toEqual([])
    // What is applied meanwhile is not in it, and does not wait for it.
    const executed = store.execute('note', 2, { durability: 'os' })
    release()
    await expect(snapshot).resolves.toMatchObject({ seq: 1 })
    expect(store.durableSeq).toBeGreaterThanOrEqual(1)
    await executed
  })

  it('nothing deadlocks, however much is under way', async () => {
    const { store } = await openBank({
      durability: 'os',
      maxQueuedBytes: 4096,
      snapshot: { everyRecords: 50 },
    })
    const work = Array.from({ length: 8 }, async (_, worker) => {
      for (let i = 0; i < 100; i++) {
        await store.ready()
        await store
          .execute('note', `${worker} ${i}`, { durability: i % 3 === 0 ? 'disk' : 'os' })
          .catch((error: unknown) => {
            if (!isHoldfastError(error, 'OVERLOADED')) throw error
          })
        if (i % 20 === 0) await store.snapshot()
      }
    })
    await Promise.all(work)
    expect(store.stats().snapshots.failed).toBe(0)
  })

  it('times it, where somebody listens', async () => {
    const messages: unknown[] = []
    const listen = (message: unknown): void => void messages.push(message)
    for (const name of ['snapshot', 'recovery', 'commit', 'sync']) subscribe(`holdfast:${name}`, listen)
    const { store } = await openBank()
    await store.execute('note', 1, { durability: 'os' })
    await store.snapshot()
    for (const name of ['snapshot', 'recovery', 'commit', 'sync']) unsubscribe(`holdfast:${name}`, listen)
    expect(messages).toMatchObject([
      { seq: 0, records: 0 },
      { records: 1, durability: 'os' },
      { entries: 2, chunks: 1 },
      { bytes: expect.any(Number) as number },
    ])
    // The sync was for that one batch.
    const [, commit, , sync] = messages as { readonly bytes: number }[]
    expect(commit?.bytes).toBeGreaterThan(0)
    expect(sync?.bytes).toBe(commit?.bytes)
  })
})
