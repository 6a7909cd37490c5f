import { GapError } from '@holdfast/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  faultyMemory,
  type Harness,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  text,
  turns,
} from './log-harness.fixture.ts'
import type { PinOptions, PinStats } from './pin.ts'

/** Three records to a segment, of which the last is never trimmed. */
async function filled(): Promise<{
  environment: ReturnType<typeof faultyMemory>
  store: Harness
  dropped: PinStats[]
  segmentBytes: number
}> {
  const environment = faultyMemory()
  const dropped: PinStats[] = []
  const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 }, undefined, {
    pinDropped: (pin) => void dropped.push(pin),
  })
  onTestFinished(() => store.close())
  for (let i = 1; i <= 20; i++) await store.append(text(i, 900))
  await turns()
  const first = segmentsOf(environment.memory).find((path) => path.includes('0001-')) as string
  const segmentBytes = environment.memory.snapshot().get(first)?.length
  return { environment, store, dropped, segmentBytes: segmentBytes as number }
}

const follower = (options: Partial<PinOptions> = {}): PinOptions => ({
  owner: 'a follower',
  from: 8,
  ...options,
})

describe('a pin', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'a pin is { owner, from, maxBytes }, not undefined'],
    ['null', null, 'a pin is { owner, from, maxBytes }, not null'],
    ['no owner', { from: 1 }, 'has 1 to 100 characters, not a undefined'],
    ['an empty owner', { owner: '', from: 1 }, 'has 1 to 100 characters, not 0'],
    ['an endless owner', { owner: 'x'.repeat(101), from: 1 }, 'has 1 to 100 characters, not 101'],
    ['no sequence', { owner: 'x' }, 'from is a sequence, a whole number from 1 on, not undefined'],
    ['sequence 0', { owner: 'x', from: 0 }, 'from is a sequence, a whole number from 1 on, not 0'],
    ['half a sequence', { owner: 'x', from: 1.5 }, 'from is a sequence, a whole number from 1 on, not 1.5'],
    ['a negative cap', { owner: 'x', from: 1, maxBytes: -1 }, 'maxBytes is a whole number from 0 on, not -1'],
    [
      'no cap',
      { owner: 'x', from: 1, maxBytes: Infinity },
      'maxBytes is a whole number from 0 on, not Infinity',
    ],
  ])('of %s is INVALID_ARGUMENT', async (_, options, message) => {
    const { store } = await filled()
    expect(() => store.log.pin(options as PinOptions)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(message) as string,
      }),
    )
    expect(store.log.stats().pins).toEqual([])
  })

  it('has a cap of 1 GiB unless another is given', async () => {
    const { store } = await filled()
    expect(store.log.pin(follower()).maxBytes).toBe(1024 ** 3)
    expect(store.log.pin(follower({ owner: 'x'.repeat(100), from: 1, maxBytes: 0 })).maxBytes).toBe(0)
  })

  it('of what has been trimmed is a GapError', async () => {
    const { store } = await filled()
    await store.log.trim(8)
    expect(() => store.log.pin(follower({ from: 6 }))).toThrow(GapError)
    expect(store.log.pin(follower({ from: 7 })).from).toBe(7)
  })

  it('may be of what is not there yet', async () => {
    const { store } = await filled()
    store.log.pin(follower({ from: 22 }))
    for (let i = 21; i <= 30; i++) await store.append(text(i, 900))
    await turns()
    expect((await store.log.trim(30)).firstSeq).toBe(22)
  })

  it('is refused past so many, which are named; readers do not count', async () => {
    const { store } = await filled()
    const reader = store.log.batches({ after: 0 })
    await reader.next()
    const pins = Array.from({ length: 100 }, (_, i) => store.log.pin(follower({ owner: `number ${i % 2}` })))
    expect(() => store.log.pin(follower())).toThrow(/there are 100 pins already, of number 0, number 1/)
    pins[0]?.release()
    expect(store.log.pin(follower()).dropped).toBe(false)
    await reader.return()
  })

  it('goes forward only', async () => {
    const { store } = await filled()
    const pin = store.log.pin(follower())
    for (const wrong of [7, 8.5, Number.NaN])
      expect(() => pin.advance(wrong)).toThrow(`a pin goes forward, from 8 on, not to ${wrong}`)
    pin.advance(8)
    pin.advance(10)
    expect(pin.from).toBe(10)
  })

  it('is released once, at the end of its block, and cannot be advanced any more', async () => {
    const { store } = await filled()
    let outside
    {
      using pin = store.log.pin(follower())
      outside = pin
      expect(store.log.stats().pins).toHaveLength(1)
    }
    outside.release()
    expect(store.log.stats().pins).toEqual([])
    expect(outside.dropped).toBe(false)
    expect(() => outside.advance(9)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    expect((await store.log.trim(20)).firstSeq).toBe(19)
  })

  it('says what the last trim left to it alone', async () => {
    const { store, segmentBytes } = await filled()
    const pin = store.log.pin(follower())
    const bytes = (): (number | undefined)[] => store.log.stats().pins.map((stats) => stats.bytes)
    expect(bytes()).toEqual([0])
    await store.log.trim(8)
    expect(bytes()).toEqual([0])
    await store.log.trim(12)
    expect(bytes()).toEqual([2 * segmentBytes])
    pin.advance(10)
    expect(bytes()).toEqual([segmentBytes])
    store.log.pin(follower({ from: 7 }))
    expect(bytes()).toEqual([segmentBytes, 2 * segmentBytes])
    await store.log.trim(12)
    expect(bytes()).toEqual([segmentBytes, 2 * segmentBytes])
  })
})

describe('a pin over its cap', () => {
  it('is dropped with the trim that finds it so, to the byte', async () => {
    for (const [spare, firstSeq] of [
      [0, 7],
      [-1, 13],
    ] as const) {
      const { store, dropped, segmentBytes } = await filled()
      const maxBytes = 2 * segmentBytes + spare
      const pin = store.log.pin(follower({ maxBytes }))
      await store.log.trim(9)
      expect(pin.dropped).toBe(false)
      expect(await store.log.trim(12)).toMatchObject({ firstSeq })
      const isOver = spare < 0
      expect(pin.dropped).toBe(isOver)
      expect(dropped).toEqual(
        isOver ? [{ owner: 'a follower', from: 8, bytes: 2 * segmentBytes, maxBytes }] : [],
      )
      expect(store.log.stats().pins).toHaveLength(isOver ? 0 : 1)
      expect(await readAll(store.log)).toHaveLength(20 - firstSeq + 1)
    }
  })

  it('says who, how much and what to do to whoever goes on with it', async () => {
    const { store, segmentBytes } = await filled()
    const pin = store.log.pin(follower({ maxBytes: 5 }))
    await store.log.trim(12)
    expect(() => pin.advance(9)).toThrow(
      expect.objectContaining({
        code: 'GAP',
        requestedSeq: 8,
        firstSeq: 13,
        path: '/store/wal',
        details: { owner: 'a follower', bytes: 2 * segmentBytes, maxBytes: 5 },
        hint: expect.stringContaining('more than its cap of 5, and was dropped') as string,
      }),
    )
    pin.release()
    expect(pin.dropped).toBe(true)
    expect(() => pin.advance(9)).toThrow(GapError)
  })

  it('is told before its files go', async () => {
    const { environment, store, dropped } = await filled()
    store.log.pin(follower({ maxBytes: 0 }))
    environment.files.fail({ on: 'rename', path: /MANIFEST/, fault: { errno: 'EIO' } })
    await expect(store.log.trim(12)).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(dropped).toHaveLength(1)
    expect((await recovered(environment.memory)).records).toHaveLength(20)
  })

  it('stays where another one within its own cap needs as much: to drop it would free nothing', async () => {
    const { store, dropped, segmentBytes } = await filled()
    const small = store.log.pin(follower({ owner: 'small', maxBytes: 0 }))
    const beside = store.log.pin(follower({ owner: 'beside', from: 7, maxBytes: 2 * segmentBytes }))
    const far = store.log.pin(follower({ owner: 'far', from: 1, maxBytes: 3 * segmentBytes }))
    expect((await store.log.trim(12)).firstSeq).toBe(7)
    expect([small, beside, far].map((pin) => pin.dropped)).toEqual([false, false, true])
    beside.advance(12)
    expect((await store.log.trim(12)).firstSeq).toBe(10)
    expect(dropped.map(({ owner, bytes }) => [owner, bytes])).toEqual([
      ['far', 4 * segmentBytes],
      ['small', 2 * segmentBytes],
    ])
    expect(await readAll(store.log, 11)).toHaveLength(9)
  })
})

describe('a reader', () => {
  it('that stays away too long has its file closed, and gets a GapError when it goes on', async () => {
    const { environment, store, dropped, segmentBytes } = await filled()
    const open = environment.files.openFiles
    const reader = store.log.batches({ after: 3, owner: 'a feed', maxPinnedBytes: segmentBytes })
    await reader.next()
    expect(environment.files.openFiles).toBe(open + 1)
    await store.log.trim(6)
    expect(environment.files.openFiles).toBe(open + 1)
    await store.log.trim(9)
    expect(dropped).toEqual([{ owner: 'a feed', from: 5, bytes: 2 * segmentBytes, maxBytes: segmentBytes }])
    expect(environment.files.openFiles).toBe(open)
    await expect(reader.next()).rejects.toMatchObject({ code: 'GAP', requestedSeq: 5, firstSeq: 10 })
    expect(environment.files.openFiles).toBe(open)
  })

  it('that is dropped while it reads gets what it had read, or a GapError, and nothing else', async () => {
    const { environment, store } = await filled()
    const reader = store.log.batches({ after: 0, maxPinnedBytes: 0 })
    await reader.next()
    const before = async (): Promise<void> => void (await store.log.trim(9))
    environment.files.fail({ on: 'open', path: /0004-/, fault: { before } })
    for (const seq of [2, 3]) expect((await reader.next()).value).toMatchObject({ firstSeq: seq })
    await expect(reader.next()).rejects.toMatchObject({ code: 'GAP', requestedSeq: 4, firstSeq: 10 })
  })

  it('that has all it wanted ends, dropped or not', async () => {
    const { store, dropped } = await filled()
    const reader = store.log.batches({ after: 0, through: 2, maxPinnedBytes: 0 })
    await reader.next()
    await reader.next()
    await store.log.trim(9)
    expect(dropped).toHaveLength(1)
    expect(await reader.next()).toEqual({ done: true, value: undefined })
  })

  it('that has caught up holds nothing back', async () => {
    const { store, dropped } = await filled()
    const reader = store.log.batches({ after: 19, follow: true, maxPinnedBytes: 0 })
    await reader.next()
    const next = reader.next()
    for (let i = 21; i <= 30; i++) await store.append(text(i, 900))
    expect((await next).value).toMatchObject({ firstSeq: 21 })
    for (let seq = 22; seq <= 30; seq++) await reader.next()
    const last = reader.next()
    await turns()
    await store.log.trim(30)
    expect(dropped).toEqual([])
    expect(store.log.stats().pins).toEqual([{ owner: 'a reader', from: 31, bytes: 0, maxBytes: 0 }])
    await store.append(text(31, 900))
    expect((await last).value).toMatchObject({ firstSeq: 31 })
    await reader.return()
    expect(store.log.stats().pins).toEqual([])
  })
})
