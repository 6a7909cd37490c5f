import { GapError } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import { afterKill, errorLike, openBank, testEnvironment, turns } from './bank.fixture.ts'

type Bank = Awaited<ReturnType<typeof openBank>>['store']

/** The sequences of a feed, refused ones negative, until there are so many. */
async function take(store: Pick<Bank, 'changes'>, from: number, count: number): Promise<number[]> {
  const seqs: number[] = []
  for await (const { seq, refused } of store.changes({ from })) {
    seqs.push(refused ? -seq : seq)
    if (seqs.length === count) break
  }
  return seqs
}

describe('changes', () => {
  it('are what the log has: sequence, time, name and argument', async () => {
    const { store } = await openBank()
    await store.execute('deposit', { to: 'ann', amount: 5 })
    for await (const change of store.changes({ from: 1 })) {
      expect(change).toEqual({
        seq: 1,
        time: store.state.lastTime,
        name: 'deposit',
        argument: { to: 'ann', amount: 5 },
        refused: false,
      })
      break
    }
  })

  it('catch up, and then wait for more', async () => {
    const { store } = await openBank()
    for (let i = 1; i <= 5; i++) await store.execute('note', i)
    const taken = take(store, 3, 6)
    for (let i = 6; i <= 8; i++) await store.execute('note', i)
    await expect(taken).resolves.toEqual([3, 4, 5, 6, 7, 8])
  })

  it('begin inside a batch where they are asked to', async () => {
    const { store } = await openBank()
    await store.executeAll([1, 2, 3, 4].map((value) => ['note', value] as const))
    await expect(take(store, 3, 2)).resolves.toEqual([3, 4])
  })

  it('wait for a sequence that is not there yet', async () => {
    const { store } = await openBank()
    await store.execute('note', 1)
    const taken = take(store, 4, 1)
    for (let i = 0; i < 4; i++) await store.execute('note', i)
    await expect(taken).resolves.toEqual([4])
  })

  it('say which commands were refused, at once', async () => {
    const { store } = await openBank()
    const taken = take(store, 1, 4)
    await store.execute('transfer', { from: 'ann', to: 'bob', amount: 1 }).catch(() => {})
    await store.execute('deposit', { to: 'ann', amount: 1 })
    await store.executeAll([['crash'], ['note', 1]])
    await expect(taken).resolves.toEqual([-1, 2, -3, 4])
  })

  it('say which commands were refused before a close, a kill, a snapshot', async () => {
    const environment = testEnvironment()
    const { store } = await openBank({}, environment)
    await store.execute('crash').catch(() => {})
    await store.execute('note', 2)
    await store.snapshot()
    const killed = afterKill(environment)
    const { store: second } = await openBank({}, killed)
    await expect(take(second, 1, 2)).resolves.toEqual([-1, 2])
    await second.execute('crash').catch(() => {})
    await second.close()
    const { store: third } = await openBank({}, killed)
    await expect(take(third, 1, 3)).resolves.toEqual([-1, 2, -3])
    await third.snapshot()
    await third.close()
    const { store: fourth } = await openBank({}, killed)
    await fourth.execute('note', 4)
    await expect(take(fourth, 3, 2)).resolves.toEqual([-3, 4]) // two snapshots: the log before them was trimmed
  })

  it('read a segment that a batch had extended, a kill left, and a snapshot covers', async () => {
    const { store, environment } = await openBank({ segmentBytes: 1024 * 1024 })
    const notes = [1, 'x'.repeat(200_000), 3, 4]
    for (const note of notes) await store.execute('note', note)
    const killed = afterKill(environment)
    // What was not proven to be durable is written again to a new segment: the old one ends before it.
    const { store: second } = await openBank({}, killed)
    expect(second.report.log.survivors).toBeDefined()
    await second.snapshot()
    await second.close()
    const { store: third } = await openBank({}, killed)
    expect(await take(third, 1, 4)).toEqual([1, 2, 3, 4])
  })

  it('end at what is durable', async () => {
    const { store, environment } = await openBank({ syncIntervalMs: 60_000 })
    await store.execute('note', 1)
    await store.execute('note', 2, { durability: 'os' })
    const seen: number[] = []
    const feed = (async () => {
      for await (const { seq } of store.changes({ from: 1 })) seen.push(seq)
    })()
    await turns(environment, 50)
    expect(seen).toEqual([1])
    await store.sync()
    await turns(environment, 50)
    expect(seen).toEqual([1, 2])
    await store.close()
    await feed
  })

  it('throw GapError for a sequence that was trimmed, and never start somewhere else', async () => {
    const { store } = await openBank({ segmentBytes: 4096 })
    for (let i = 1; i <= 600; i++) {
      await store.execute('note', i)
      if (i % 250 === 0) await store.snapshot()
    }
    const { firstSeq } = store.stats().log
    expect(firstSeq).toBeGreaterThan(1)
    await expect(take(store, firstSeq - 1, 1)).rejects.toThrow(GapError)
    await expect(take(store, 1, 1)).rejects.toThrow(errorLike('GAP', { requestedSeq: 1, firstSeq }))
    await expect(take(store, firstSeq, 1)).resolves.toEqual([firstSeq])
  })

  it('throw GapError for a reader that falls behind and for whom nothing is kept, on the way', async () => {
    const { store } = await openBank({ segmentBytes: 4096 })
    for (let i = 1; i <= 100; i++) await store.execute('note', 'x'.repeat(100))
    const feed = store.changes({ from: 1, maxPinnedBytes: 0 })
    await feed.next()
    for (let i = 1; i <= 3; i++) {
      for (let j = 0; j < 100; j++) await store.execute('note', 'x'.repeat(100))
      await store.snapshot()
    }
    let last = 1
    const reading = (async () => {
      for await (const { seq } of feed) {
        expect(seq).toBe(last + 1)
        last = seq
      }
    })()
    await expect(reading).rejects.toThrow(GapError)
  })

  it('end with ABORTED when the signal aborts, waiting or not', async () => {
    const { store } = await openBank()
    await store.execute('note', 1)
    const controller = new AbortController()
    const reason = new Error('enough')
    const feed = (async () => {
      for await (const _ of store.changes({ from: 1, signal: controller.signal }))
        setImmediate(() => controller.abort(reason))
    })()
    await expect(feed).rejects.toThrow(errorLike('ABORTED', { cause: reason }))
    await expect(store.changes({ from: 1, signal: AbortSignal.abort() }).next()).rejects.toThrow(
      errorLike('ABORTED'),
    )
  })

  it('end by themselves when the store is closed, with everything delivered', async () => {
    const { store } = await openBank()
    const seqs: number[] = []
    const feed = (async () => {
      for await (const { seq } of store.changes({ from: 1 })) seqs.push(seq)
    })()
    await Promise.all([1, 2, 3].map((value) => store.execute('note', value)))
    await store.close()
    await feed
    expect(seqs).toEqual([1, 2, 3])
  })

  it('refuse a sequence that there cannot be', async () => {
    const { store } = await openBank()
    for (const wrong of [undefined, null, {}, { from: 0 }, { from: -1 }, { from: 1.5 }, { from: Number.NaN }])
      expect(() => store.changes(wrong as never)).toThrow(errorLike('INVALID_ARGUMENT'))
  })
})
