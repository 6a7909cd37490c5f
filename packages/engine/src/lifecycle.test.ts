import { once } from 'node:events'
import { HoldfastError, type Locks } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import { afterKill, bank, damage, errorLike, STORE, testEnvironment, turns } from './bank.fixture.ts'
import { open } from './open.ts'

describe('close', () => {
  it('drains, syncs and notes the clean close; a second call is the same', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, durability: 'os', syncIntervalMs: 60_000 })
    const executed = [1, 2, 3].map((value) => store.execute('note', value))
    const closing = store.close()
    expect(store.close()).toBe(closing)
    await closing
    await expect(Promise.all(executed)).resolves.toEqual([1, 2, 3])
    expect(store.durableSeq).toBe(3)
    const again = await open(STORE, bank, { environment })
    expect(again.report.log).toMatchObject({ provenSeq: 3, survivors: undefined, tail: undefined })
    await again.close()
  })

  it('refuses what comes later with CLOSED; the state stays', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 1)
    const closed: string[] = []
    store.events.on('closed', () => closed.push('closed'))
    await store.close()
    const calls = [
      () => store.execute('note', 2),
      () => store.executeAll([['note', 2]]),
      () => store.executeEach([['note', 2]]),
      () => store.ready(),
      () => store.sync(),
      () => store.snapshot(),
      () => store.backup('/backup'),
    ]
    for (const call of calls) await expect(call()).rejects.toThrow(errorLike('CLOSED'))
    expect(store.state.notes).toEqual([1])
    expect(closed).toEqual(['closed'])
  })

  it('lets a snapshot under way end', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 1)
    const snapshot = store.snapshot()
    await store.close()
    await expect(snapshot).resolves.toMatchObject({ seq: 1 })
  })

  it('is what disposing does', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store[Symbol.asyncDispose]()
    await expect(store.execute('note', 1)).rejects.toThrow(errorLike('CLOSED'))
    await (await open(STORE, bank, { environment })).close()
  })

  it('without it nothing is lost that was acknowledged', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 1)
    await store.execute('note', 2, { durability: 'os' })
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.state.notes).toEqual([1, 2])
    await again.close()
    await store.close()
  })

  it('leaves nothing open', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, segmentBytes: 4096 })
    for (let i = 0; i < 200; i++) await store.execute('note', i)
    await store.snapshot()
    await store.close()
    expect(environment.files.openFiles).toBe(0)
  })
})

describe('failure', () => {
  it('of one sync moves every batch that was not durable to a new segment, and the store goes on', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, syncIntervalMs: 60_000 })
    const moves: unknown[] = []
    store.events.on('moved', (move) => moves.push(move))
    await store.execute('note', 1)
    await store.execute('note', 2, { durability: 'os' })
    environment.files.fail({ on: ['sync', 'writeThrough'], path: /\.wal/, fault: { errno: 'EIO' } })
    await expect(store.execute('note', 3)).resolves.toBe(3)
    expect(moves).toHaveLength(1)
    expect(store.durableSeq).toBe(3)
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.state.notes).toEqual([1, 2, 3])
    await again.close()
    await store.close()
  })

  it('of the move too fails the store: pending calls reject with the cause, reads go on, later writes reject at once', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    const failures: Error[] = []
    store.events.on('failed', (error) => failures.push(error))
    await store.execute('note', 1)
    environment.files.fail({
      on: ['write', 'sync', 'writeThrough', 'open'],
      path: /\.wal/,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    const pending = [store.execute('note', 2), store.execute('note', 3)]
    for (const call of pending) {
      await expect(call).rejects.toThrow(errorLike('FAILED', { outcome: expect.any(String) }))
      await expect(call).rejects.toMatchObject({ cause: { code: 'IO_ERROR' } })
    }
    expect(failures).toHaveLength(1)
    expect(store.stats().failure).toBe(failures[0])
    expect(store.state.notes).toEqual([1])
    await expect(store.execute('note', 4)).rejects.toThrow(errorLike('FAILED', { outcome: 'not-written' }))
    await expect(store.snapshot()).rejects.toThrow(errorLike('FAILED'))
    await expect(store.changes({ from: 2 }).next()).rejects.toThrow(errorLike('FAILED'))
    await store.close()
    environment.files.clearRules()
    const again = await open(STORE, bank, { environment })
    expect(again.state.notes.slice(0, 1)).toEqual([1])
    await expect(again.execute('note', 'recovered')).resolves.toBe('recovered')
    await again.close()
  })

  it('for want of space refuses the command, and the store works again once there is room', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, segmentBytes: 4096 })
    await store.execute('note', 1)
    const rule = environment.files.fail({
      on: ['write', 'writeThrough', 'truncate'],
      path: /\.wal/,
      times: Infinity,
      fault: { errno: 'ENOSPC' },
    })
    const large = 'x'.repeat(10_000)
    await expect(store.execute('note', large)).rejects.toThrow(
      errorLike('NO_SPACE', { outcome: 'not-written' }),
    )
    rule.remove()
    await expect(store.execute('note', large)).resolves.toBe(large)
    expect(store.appliedSeq).toBe(2)
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.state).toEqual(store.state)
    await again.close()
    await store.close()
  })

  it('when another writer has the directory stops the store', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 1)
    // The lock did not keep it out: the file system was shared by two machines.
    const other = await open(STORE, bank, { environment: testEnvironment(environment.memory, 3) })
    await expect(store.snapshot()).rejects.toThrow(errorLike('FENCED'))
    await expect(store.execute('note', 2)).rejects.toThrow(
      errorLike('FAILED', { cause: expect.objectContaining({ code: 'FENCED' }) }),
    )
    await store.close().catch(() => {})
    await expect(other.execute('note', 3)).resolves.toBe(3)
    await other.close()
  })

  it('when another writer has the directory acknowledges nothing from then on, and ends change feeds', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 'of both')
    const outcomes: Record<string, unknown> = {}
    const note = (what: string): void => {
      store.execute('note', what).then(
        () => (outcomes[what] = 'acknowledged'),
        (error: unknown) => (outcomes[what] = (error as HoldfastError).outcome),
      )
    }
    const fed: unknown[] = []
    const follow = async (): Promise<void> => {
      for await (const { seq } of store.changes({ from: 1 })) fed.push(seq)
    }
    follow().catch((error: unknown) => fed.push(error))
    store.events.on('failed', () => note('at the failure'))
    let goOn = (): void => {}
    const hang = new Promise<void>((resolve) => {
      goOn = resolve
    })
    environment.files.fail({ on: ['write', 'writeThrough'], path: /\.wal/, fault: { hang } })
    note('being written')
    await turns(environment)
    note('waiting')
    const other = await open(STORE, bank, { environment: testEnvironment(environment.memory, 3) })
    await expect(store.snapshot()).rejects.toThrow(errorLike('FENCED'))
    goOn()
    await turns(environment, 50)
    expect(outcomes).toEqual({
      'being written': 'unknown',
      waiting: 'not-written',
      'at the failure': 'not-written',
    })
    expect(fed).toEqual([1, errorLike('FENCED')])
    await store.close().catch(() => {})
    await other.close()
  })

  it('of close still gives the directory back', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, durability: 'os', syncIntervalMs: 60_000 })
    await store.execute('note', 1)
    environment.files.fail({
      on: ['write', 'sync', 'writeThrough', 'open'],
      path: /\.wal/,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    await expect(store.close()).rejects.toThrow(errorLike('FAILED'))
    environment.files.clearRules()
    await (await open(STORE, bank, { environment })).close()
  })

  it('of the lock is told only where nothing worse is', async () => {
    const environment = testEnvironment()
    const locks: Locks = {
      acquire: async (path) => {
        const lock = await environment.locks.acquire(path)
        return {
          release: async () => {
            await lock.release()
            throw new HoldfastError('IO_ERROR', 'could not close the lock file', { path })
          },
        }
      },
    }
    const releasing = { ...environment, locks }
    const store = await open(STORE, bank, { environment: releasing })
    await store.execute('note', 1)
    const closed = once(store.events, 'closed')
    await expect(store.close()).rejects.toThrow(errorLike('IO_ERROR', { path: `${STORE}/LOCK` }))
    await closed
    const failing = await open(STORE, bank, {
      environment: releasing,
      durability: 'os',
      syncIntervalMs: 60_000,
    })
    await failing.execute('note', 2)
    environment.files.fail({ on: ['sync', 'open'], path: /\.wal/, times: Infinity, fault: { errno: 'EIO' } })
    await expect(failing.close()).rejects.toThrow(errorLike('FAILED'))
    environment.files.clearRules()
    damage(environment, /\.wal$/, 0)
    await expect(open(STORE, bank, { environment: releasing })).rejects.toThrow(errorLike('CORRUPT'))
    damage(environment, /MANIFEST$/)
    await expect(open(STORE, bank, { environment: releasing })).rejects.toThrow(errorLike('MANIFEST_CORRUPT'))
  })
})

describe('a thousand cycles of crash and open', () => {
  it('leave the directory no larger', async () => {
    let environment = testEnvironment()
    const sizes: number[] = []
    for (let cycle = 1; cycle <= 1000; cycle++) {
      const store = await open(STORE, bank, {
        environment,
        segmentBytes: 4096,
        snapshot: { everyRecords: 20 },
      })
      await store.execute('deposit', { to: 'ann', amount: 1 })
      if (cycle % 3 === 0) await turns(environment, 3)
      const killed = afterKill(environment)
      await store.close()
      environment = killed
      if (cycle % 100 === 0) {
        const files = environment.memory.snapshot()
        sizes.push([...files.values()].reduce((sum, { length }) => sum + length, 0))
      }
    }
    const store = await open(STORE, bank, { environment })
    expect(store.state.accounts.get('ann')).toBe(1000)
    await store.close()
    expect(Math.max(...sizes)).toBeLessThan(2 * (sizes[0] as number) + 100_000)
    expect(sizes.at(-1)).toBeLessThan(500_000)
  })
})
