import { GapError } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import { afterKill, bank, errorLike, openBank, STORE, type TestEnvironment, turns } from './bank.fixture.ts'
import { open } from './open.ts'

type Bank = Awaited<ReturnType<typeof openBank>>['store']

/** So many notes, and a snapshot: two of them trim what lies before the first. */
async function write(store: Bank, count = 100): Promise<void> {
  for (let i = 0; i < count; i++) await store.execute('note', 'x'.repeat(100))
  await store.snapshot()
}

async function openPinned(): Promise<{ store: Bank; environment: TestEnvironment; dropped: unknown[] }> {
  const { store, environment } = await openBank({ segmentBytes: 4096 })
  const dropped: unknown[] = []
  store.events.on('pinDropped', (pin) => dropped.push(pin))
  await store.execute('note', 'the first')
  return { store, environment, dropped }
}

/** The sequences of a feed up to `through`. */
async function seqs(feed: ReturnType<Bank['changes']>, through: number): Promise<number[]> {
  const found: number[] = []
  for await (const { seq } of feed) {
    found.push(seq)
    if (seq === through) break
  }
  return found
}

const between = (from: number, through: number): number[] =>
  Array.from({ length: through - from + 1 }, (_, i) => from + i)

describe('a pin', () => {
  it('keeps the log from its sequence on, and lets go of it as it is advanced', async () => {
    const { store } = await openPinned()
    using pin = store.pin({ owner: 'archive', from: 50 })
    for (let i = 0; i < 3; i++) await write(store)
    const { firstSeq, pins } = store.stats().log
    expect(firstSeq).toBeGreaterThan(1)
    expect(firstSeq).toBeLessThanOrEqual(50)
    expect(pins).toEqual([
      { owner: 'archive', from: 50, bytes: expect.any(Number) as number, maxBytes: 1024 ** 3 },
    ])
    expect(pins[0]?.bytes).toBeGreaterThan(4096)
    for await (const { seq } of store.changes({ from: pin.from })) {
      pin.advance(seq + 1)
      if (seq === 150) break
    }
    await write(store)
    expect(store.stats().log.firstSeq).toBeGreaterThan(100)
    expect(store.stats().log.firstSeq).toBeLessThanOrEqual(151)
    pin.release()
    await write(store)
    expect(store.stats().log.firstSeq).toBeGreaterThan(250)
    expect(pin.dropped).toBe(false)
  })

  it('that is released lets go of what it kept with the next snapshot, also where nothing has changed', async () => {
    const { store } = await openPinned()
    const pin = store.pin({ owner: 'archive', from: 1 })
    for (let i = 0; i < 3; i++) await write(store)
    const newest = await store.snapshot()
    expect(store.stats().log.firstSeq).toBe(1)
    pin.release()
    const trimmed: unknown[] = []
    store.events.on('trimmed', ({ firstSeq }) => trimmed.push(firstSeq))
    expect(await store.snapshot()).toEqual(newest)
    const { log, snapshots } = store.stats()
    expect(log.firstSeq).toBeGreaterThan(100)
    expect(trimmed).toEqual([log.firstSeq])
    expect(snapshots.taken).toBe(3)
  })

  it('over its cap is dropped with an event, and the log is trimmed', async () => {
    const { store, environment, dropped } = await openPinned()
    const pin = store.pin({ owner: 'archive', from: 1, maxBytes: 20_000 })
    for (let i = 0; i < 6 && !pin.dropped; i++) {
      await write(store)
      const [stats] = store.stats().log.pins
      expect(stats?.bytes ?? 0).toBeLessThanOrEqual(20_000)
    }
    expect(dropped).toEqual([
      { owner: 'archive', from: 1, bytes: expect.any(Number) as number, maxBytes: 20_000 },
    ])
    const { firstSeq } = store.stats().log
    expect(firstSeq).toBeGreaterThan(1)
    expect(() => pin.advance(2)).toThrow(errorLike('GAP', { requestedSeq: 1, firstSeq }))
    expect(() => store.pin({ owner: 'archive', from: 1 })).toThrow(GapError)
    await expect(store.changes({ from: 1 }).next()).rejects.toThrow(GapError)
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.state).toEqual(store.state)
    await again.close()
  })

  it('is checked, and needs a store that is open', async () => {
    const { store } = await openPinned()
    for (const wrong of [undefined, null, { owner: '', from: 1 }, { owner: 'x', from: 0 }])
      expect(() => store.pin(wrong as never)).toThrow(errorLike('INVALID_ARGUMENT'))
    expect(() => store.pin({ owner: 'x', from: 1, maxbytes: 5 } as never)).toThrow(
      errorLike('INVALID_ARGUMENT', { details: { option: 'maxbytes' } }),
    )
    await store.close()
    expect(() => store.pin({ owner: 'x', from: 1 })).toThrow(errorLike('CLOSED'))
  })

  it('is not on disk: what it alone kept goes when the store is opened again without it', async () => {
    const { store, environment } = await openPinned()
    store.pin({ owner: 'archive', from: 1 })
    for (let i = 0; i < 3; i++) await write(store)
    const { store: again } = await openBank({ segmentBytes: 4096 }, afterKill(environment))
    await turns(environment, 50)
    expect(again.stats().log.firstSeq).toBeGreaterThan(1)
  })
})

describe('pins given to open', () => {
  it('hold from the start, and are found in the store', async () => {
    const { store, environment } = await openPinned()
    store.pin({ owner: 'archive', from: 1 })
    for (let i = 0; i < 3; i++) await write(store)
    const options = { segmentBytes: 4096, pins: [{ owner: 'archive', from: 1, maxBytes: 10_000_000 }] }
    const { store: again } = await openBank(options, afterKill(environment))
    await write(again)
    const [pin] = again.pins
    expect(pin).toMatchObject({ owner: 'archive', from: 1, maxBytes: 10_000_000, dropped: false })
    expect(await seqs(again.changes({ from: 1 }), 401)).toEqual(between(1, 401))
    pin?.release()
    await write(again)
    expect(again.stats().log.firstSeq).toBeGreaterThan(1)
  })

  it('for what has been trimmed are dropped from the start: the store opens all the same', async () => {
    const { store, environment } = await openPinned()
    for (let i = 0; i < 3; i++) await write(store)
    const { firstSeq } = store.stats().log
    const pins = [
      { owner: 'late', from: 1 },
      { owner: 'in time', from: firstSeq },
    ]
    const { store: again } = await openBank({ pins }, afterKill(environment))
    expect(again.pins.map(({ owner, dropped }) => [owner, dropped])).toEqual([
      ['late', true],
      ['in time', false],
    ])
    const [late] = again.pins
    expect(late).toMatchObject({ from: 1, maxBytes: 1024 ** 3 })
    expect(() => late?.advance(2)).toThrow(errorLike('GAP', { requestedSeq: 1, firstSeq }))
    late?.release()
    late?.[Symbol.dispose]()
    expect(again.stats().log.pins).toMatchObject([{ owner: 'in time', from: firstSeq }])
  })

  it('are checked before anything is touched', async () => {
    const pin = { owner: 'archive', from: 1 }
    for (const pins of [
      5,
      'archive',
      [null],
      [{ ...pin, to: 5 }],
      [{ ...pin, from: 0 }],
      Array(101).fill(pin),
    ])
      await expect(openBank({ pins: pins as never })).rejects.toThrow(errorLike('INVALID_ARGUMENT'))
  })
})

describe('a change feed', () => {
  it('keeps what it has still to read while it falls behind', async () => {
    const { store } = await openPinned()
    const feed = store.changes({ from: 1 })
    await feed.next()
    for (let i = 0; i < 4; i++) await write(store)
    expect(store.stats().log.pins).toMatchObject([{ owner: 'a change feed', from: 2 }])
    expect(await seqs(feed, 401)).toEqual(between(2, 401))
    expect(store.stats().log.pins).toEqual([])
    await write(store)
    expect(store.stats().log.firstSeq).toBeGreaterThan(1)
  })

  it('that is stalled is dropped over its cap, and throws GapError when it goes on', async () => {
    const { store, environment, dropped } = await openPinned()
    const open = environment.files.openFiles
    const feed = store.changes({ from: 1, maxPinnedBytes: 20_000 })
    await feed.next()
    for (let i = 0; i < 6; i++) await write(store)
    expect(dropped).toMatchObject([{ owner: 'a change feed', from: 2, maxBytes: 20_000 }])
    expect(store.stats().log.firstSeq).toBeGreaterThan(401)
    expect(environment.files.openFiles).toBe(open)
    await expect(feed.next()).rejects.toThrow(errorLike('GAP', { requestedSeq: 2 }))
    expect((await feed.next()).done).toBe(true)
  })

  it('with a cap of its own is kept by a pin that has a larger one', async () => {
    const { store, dropped } = await openPinned()
    using pin = store.pin({ owner: 'replica', from: 1 })
    const feed = store.changes({ from: pin.from, maxPinnedBytes: 0 })
    await feed.next()
    for (let i = 0; i < 4; i++) await write(store)
    expect(await seqs(feed, 401)).toEqual(between(2, 401))
    expect(dropped).toEqual([])
  })

  it('refuses a cap that there cannot be', async () => {
    const { store } = await openPinned()
    for (const maxPinnedBytes of [-1, 1.5, Infinity, null])
      expect(() => store.changes({ from: 1, maxPinnedBytes: maxPinnedBytes as number })).toThrow(
        errorLike('INVALID_ARGUMENT', { details: { option: 'maxPinnedBytes', value: maxPinnedBytes } }),
      )
  })
})

it('a backup under way beside snapshots that trim is complete', async () => {
  const { store, environment } = await openPinned()
  for (let i = 0; i < 2; i++) await write(store)
  const copied = store.stats().log.firstSeq
  let release: () => void = () => {}
  const hang = new Promise<void>((resolve) => {
    release = resolve
  })
  environment.files.fail({ on: 'open', path: /^\/backup\/wal/, nth: 2, fault: { hang } })
  const backup = store.backup('/backup')
  const snapshots: Promise<unknown>[] = []
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 100; j++) await store.execute('note', 'y'.repeat(100))
    snapshots.push(store.snapshot())
    await turns(environment, 50)
  }
  expect(store.stats().log.firstSeq).toBe(copied)
  release()
  const { seq } = await backup
  await Promise.all(snapshots)
  await store.snapshot()
  expect(store.stats().log.firstSeq).toBeGreaterThan(copied)
  const copy = await open('/backup', bank, { environment })
  expect(copy.appliedSeq).toBe(seq)
  expect(copy.state.notes).toEqual(store.state.notes.slice(0, seq))
  // All of the log that was there is in it, too.
  expect(await seqs(copy.changes({ from: copied }), seq)).toEqual(between(copied, seq))
  await copy.close()
})
