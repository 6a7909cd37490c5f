import { describe, expect, it } from 'vitest'
import { errorLike, openBank } from './bank.fixture.ts'

const notes = (count: number) => Array.from({ length: count }, (_, i) => ['note', i] as const)

describe('executeEach', () => {
  it('executes everything in order, in few batches', async () => {
    const { store } = await openBank()
    await expect(store.executeEach(notes(1000))).resolves.toEqual({
      executed: 1000,
      accepted: 1000,
      refused: 0,
      refusals: [],
    })
    expect(store.state.notes).toEqual(notes(1000).map(([, value]) => value))
    expect(store.stats().log.batches).toBeLessThan(10)
  })

  it('refuses what cannot be gone through', async () => {
    const { store } = await openBank()
    for (const calls of [5, 'note', null, undefined]) {
      await expect(store.executeEach(calls as never)).rejects.toThrow(errorLike('INVALID_ARGUMENT'))
    }
    expect(store.appliedSeq).toBe(0)
  })

  it('takes an iterable that never has much at hand, and an asynchronous one', async () => {
    const { store } = await openBank()
    await store.executeEach(
      (function* () {
        yield* notes(10)
      })(),
    )
    await store.executeEach(
      (async function* () {
        yield* notes(10)
      })(),
    )
    expect(store.appliedSeq).toBe(20)
  })

  it('waits where the store is overloaded, and takes no more than it can', async () => {
    const { store } = await openBank({ maxQueuedBytes: 500 })
    const alone = Promise.allSettled(notes(1000).map(([name, value]) => store.execute(name, value)))
    expect(
      (await alone).some(
        (result) =>
          result.status === 'rejected' && (result.reason as { code?: string }).code === 'OVERLOADED',
      ),
    ).toBe(true)
    const before = store.appliedSeq
    await expect(store.executeEach(notes(1000))).resolves.toMatchObject({ executed: 1000 })
    expect(store.appliedSeq).toBe(before + 1000)
  })

  it('counts what was refused, and goes on', async () => {
    const { store } = await openBank()
    const result = await store.executeEach([
      ['note', 1],
      ['transfer', { from: 'ann', to: 'bob', amount: 1 }],
      ['crash'],
      ['note', 2],
    ])
    expect(result).toMatchObject({ executed: 4, accepted: 2, refused: 2 })
    expect(result.refusals).toMatchObject([
      { index: 1, reason: { code: 'TOO_LOW' } },
      { index: 2, reason: { message: 'a bug' } },
    ])
  })

  it('tells how far it has come', async () => {
    const { store } = await openBank()
    const seen: number[] = []
    await store.executeEach(notes(50_000), { onProgress: ({ settled }) => seen.push(settled) })
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toBe(50_000)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it('ends at an error, with what was acknowledged in its details', async () => {
    const { store } = await openBank()
    const calls = [...notes(5), ['note', Symbol('no')] as const, ...notes(5)]
    await expect(store.executeEach(calls)).rejects.toThrow(
      errorLike('NOT_SERIALIZABLE', {
        details: expect.objectContaining({ executed: 5, accepted: 5, refused: 0 }),
      }),
    )
    await expect(store.executeEach(calls)).rejects.toThrow(
      'the load ended after 5 acknowledged commands: $ is a symbol. Store a string.',
    )
    expect(store.appliedSeq).toBe(10)
  })

  it('ends at what the iterable throws, with everything before it executed', async () => {
    const { store } = await openBank()
    const reading = store.executeEach(
      (function* () {
        yield* notes(3)
        throw new Error('a bad file')
      })(),
    )
    await expect(reading).rejects.toThrow('a bad file')
    expect(store.appliedSeq).toBe(3)
  })

  it('ends at what onProgress throws', async () => {
    const { store } = await openBank()
    const load = store.executeEach(notes(100_000), {
      onProgress() {
        throw new Error('a bug')
      },
    })
    await expect(load).rejects.toThrow('a bug')
    expect(store.appliedSeq).toBeLessThan(100_000)
  })

  it('can be stopped', async () => {
    const { store } = await openBank()
    const controller = new AbortController()
    const calls = (function* () {
      for (const [i, call] of notes(100).entries()) {
        if (i === 10) controller.abort()
        yield call
      }
    })()
    await expect(store.executeEach(calls, { signal: controller.signal })).rejects.toThrow(
      errorLike('ABORTED', { details: expect.objectContaining({ executed: 10 }) }),
    )
  })
})

describe('backpressure', () => {
  it('refuses at once with OVERLOADED, nothing captured and no sequence taken; ready resolves when there is room', async () => {
    const { store } = await openBank({ maxQueuedBytes: 100 })
    const first = store.execute('note', 'x'.repeat(100))
    await expect(store.execute('note', 'y')).rejects.toThrow(
      errorLike('OVERLOADED', { outcome: 'not-written' }),
    )
    await store.ready()
    await first
    await expect(store.execute('note', 'z')).resolves.toBe('z')
    expect(store.appliedSeq).toBe(2)
  })
})
