import { setImmediate } from 'node:timers/promises'
import { HoldfastError } from '@holdfast/environment'
import type { Batch, CommitConsumer, CommittedBatch, Durability, Log, LogPlan } from '@holdfast/wal'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** What the contract hands in with each record. */
export interface LogWaiter {
  resolve(seq: number): void
  reject(error: Error): void
}

/** A log that was opened for writing, and the plan that it was opened with. */
export interface OpenedLog {
  readonly log: Log<Uint8Array, LogWaiter>
  readonly plan: LogPlan
  /** The batches that the scan before it gave. */
  readonly scanned: readonly Batch[]
  /** Closes the log and gives back what it was opened from. */
  close(): Promise<void>
}

/** A log to be tested, with nothing in it. Its records are bytes. */
export interface LogUnderTest {
  /**
   * Scans it from `after` on and opens it. One at a time: the one before is closed, or gone as after a crash
   * of its process. Segments, if it has such a thing, hold about 4 KiB, so that trimming has something to do.
   */
  open(
    consumer: CommitConsumer<Uint8Array, LogWaiter>,
    options?: { after?: number; maxQueuedBytes?: number; machineVersion?: number },
  ): Promise<OpenedLog>
  /** Removes what the test left. */
  dispose(): Promise<void>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const record = (i: number): string => `${i} `.padEnd(800, 'x')
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** What every `Log` must do. What damage, faults and crashes do is tested beside each of them. */
export function logContract(name: string, make: () => Promise<LogUnderTest>): void {
  describe(`Log contract: ${name}`, () => {
    let under: LogUnderTest
    let opened: OpenedLog
    let log: OpenedLog['log']
    let events: string[]
    let onCommitted: (batch: CommittedBatch<Uint8Array, LogWaiter>) => void

    const consumer: CommitConsumer<Uint8Array, LogWaiter> = {
      committed(batch) {
        onCommitted(batch)
        events.push(`committed ${batch.firstSeq}-${batch.lastSeq}`)
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
      },
      rejected(waiters, error) {
        for (const waiter of waiters) waiter.reject(error)
      },
      durable: (seq) => void events.push(`durable ${seq}`),
      note: (kind) => (kind === 'batch' ? bytes('note') : undefined),
      failed: ({ code }) => void events.push(`failed with ${code}`),
      pinDropped: ({ owner, from }) => void events.push(`dropped ${owner} at ${from}`),
    }

    async function open(options: Parameters<LogUnderTest['open']>[1] = {}): Promise<void> {
      events = []
      onCommitted = () => {}
      opened = await under.open(consumer, options)
      log = opened.log
    }

    beforeEach(async () => {
      under = await make()
      await open()
    })
    afterEach(async () => {
      await opened.close()
      await under.dispose()
    })

    function append(text: string, durability: Durability = 'disk'): Promise<number> {
      return new Promise((resolve, reject) => {
        log.submit(bytes(text), durability, { resolve, reject })
      })
    }

    function appendAll(texts: readonly string[], durability: Durability = 'disk'): Promise<number[]> {
      const waiters: LogWaiter[] = []
      const all = texts.map(
        () =>
          new Promise<number>((resolve, reject) => {
            waiters.push({ resolve, reject })
          }),
      )
      log.submitAll(texts.map(bytes), durability, waiters)
      return Promise.all(all)
    }

    async function sequences(range: Parameters<typeof log.batches>[0]): Promise<number[]> {
      const found: number[] = []
      for await (const { firstSeq, count, lastSeq } of log.batches(range)) {
        expect(lastSeq).toBe(firstSeq + count - 1)
        found.push(...upTo(count).map((i) => firstSeq + i - 1))
      }
      return found
    }

    it('is empty at first', async () => {
      expect(log).toMatchObject({ firstSeq: 1, lastSeq: 0, durableSeq: 0, queuedBytes: 0 })
      expect(await sequences({ after: 0 })).toEqual([])
      expect(await log.sync()).toBe(0)
    })

    it('gives sequences from 1, without gaps, in the order of the calls', async () => {
      const all = [append('a'), append('b', 'os'), append('c')]
      expect(await Promise.all(all)).toEqual([1, 2, 3])
      expect(await appendAll(['d', 'e'])).toEqual([4, 5])
      expect(log).toMatchObject({ lastSeq: 5, durableSeq: 5 })
      expect(await sequences({ after: 0 })).toEqual([1, 2, 3, 4, 5])
    })

    it('hands committed batches over in order, decoded from what was logged', async () => {
      const decoded: string[] = []
      onCommitted = (batch) => {
        decoded.push(...batch.decode().map((value) => new TextDecoder().decode(value)))
        expect(new TextDecoder().decode(batch.note)).toBe('note')
        expect(batch.durableSeq).toBeLessThan(batch.firstSeq)
      }
      await Promise.all(['a', 'b', 'c'].map((text) => append(text)))
      await appendAll(['d', 'e'])
      expect(decoded).toEqual(['a', 'b', 'c', 'd', 'e'])
    })

    it('acknowledges at level disk only what is durable, and says so before', async () => {
      await append('a')
      expect(events).toEqual(['durable 1', 'committed 1-1'])
      await append('b', 'os')
      const seq = await log.sync()
      expect(seq).toBe(2)
      expect(log.durableSeq).toBe(2)
    })

    it('captures nothing of what it refuses', async () => {
      expect(() => log.submitAll([], 'disk', [])).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      )
      expect(() => log.submit('no bytes' as never, 'disk', { resolve() {}, reject() {} })).toThrow(
        expect.objectContaining({ code: 'NOT_SERIALIZABLE' }),
      )
      expect(log.queuedBytes).toBe(0)
      expect(await append('a')).toBe(1)
    })

    it('is OVERLOADED past its bound, and ready() resolves once there is room', async () => {
      await opened.close()
      await open({ maxQueuedBytes: 1000 })
      const taken = [append(record(1)), append(record(2))]
      await expect(append(record(3))).rejects.toMatchObject({ code: 'OVERLOADED', outcome: 'not-written' })
      await log.ready()
      expect(await append(record(3))).toBe(3)
      expect(await Promise.all(taken)).toEqual([1, 2])
    })

    it('reads from any sequence, to any sequence, and no further than what is durable', async () => {
      for (const i of upTo(30)) await append(record(i))
      expect(await sequences({ after: 0 })).toEqual(upTo(30))
      expect(await sequences({ after: 17 })).toEqual(upTo(30).slice(17))
      expect(await sequences({ after: 11, through: 20 })).toEqual(upTo(20).slice(11))
      expect(await sequences({ after: 30 })).toEqual([])
      expect(await sequences({ after: 99 })).toEqual([])
    })

    it('gives the batch that holds the first sequence wanted whole', async () => {
      await appendAll(['a', 'b', 'c', 'd'])
      expect(await sequences({ after: 2 })).toEqual([1, 2, 3, 4])
    })

    it('follows until it is aborted or the log is closed', async () => {
      await append('a')
      const abort = new AbortController()
      const aborted = sequences({ after: 0, follow: true, signal: abort.signal })
      const closed = sequences({ after: 0, follow: true })
      await append('b')
      await setImmediate()
      abort.abort()
      expect((await aborted).slice(0, 1)).toEqual([1])
      await append('c')
      await opened.close()
      expect(await closed).toEqual([1, 2, 3])
    })

    it('trims what is not wanted any more, and answers GAP for it ever after', async () => {
      for (const i of upTo(30)) await append(record(i))
      const { firstSeq, segments } = await log.trim(15)
      expect(segments).toBeGreaterThan(0)
      expect(firstSeq).toBeGreaterThan(1)
      expect(firstSeq).toBeLessThanOrEqual(16)
      expect(log.firstSeq).toBe(firstSeq)
      await expect(sequences({ after: 0 })).rejects.toMatchObject({ code: 'GAP', requestedSeq: 1, firstSeq })
      expect(await sequences({ after: firstSeq - 1 })).toEqual(upTo(30).slice(firstSeq - 1))
      await opened.close()
      await open({ after: firstSeq - 1 })
      expect(log.firstSeq).toBe(firstSeq)
      expect(await append('more')).toBe(31)
    })

    it('trims nothing that is pinned, until the pin goes on or is released', async () => {
      for (const i of upTo(30)) await append(record(i))
      const pin = log.pin({ owner: 'a follower', from: 8 })
      expect(pin).toMatchObject({ owner: 'a follower', from: 8, dropped: false })
      expect((await log.trim(25)).firstSeq).toBeLessThanOrEqual(8)
      const [stats] = log.stats().pins
      expect(stats).toMatchObject({ owner: 'a follower', from: 8, maxBytes: pin.maxBytes })
      expect(stats?.bytes).toBeGreaterThan(0)
      expect(await sequences({ after: 7 })).toEqual(upTo(30).slice(7))
      pin.advance(17)
      const { firstSeq } = await log.trim(25)
      expect(firstSeq).toBeGreaterThan(8)
      expect(firstSeq).toBeLessThanOrEqual(17)
      expect(() => log.pin({ owner: 'late', from: 8 })).toThrow(expect.objectContaining({ code: 'GAP' }))
      pin.release()
      expect((await log.trim(25)).firstSeq).toBeGreaterThan(17)
      expect(log.stats().pins).toEqual([])
    })

    it('drops a pin that holds back more than its cap, and says so', async () => {
      for (const i of upTo(30)) await append(record(i))
      const pin = log.pin({ owner: 'a follower', from: 8, maxBytes: 1 })
      const { firstSeq } = await log.trim(25)
      expect(firstSeq).toBeGreaterThan(8)
      expect(events.at(-1)).toBe('dropped a follower at 8')
      expect(pin.dropped).toBe(true)
      expect(() => pin.advance(9)).toThrow(
        expect.objectContaining({ code: 'GAP', requestedSeq: 8, firstSeq }),
      )
      pin.release()
    })

    it('keeps what a reader under way has still to read, up to its cap', async () => {
      for (const i of upTo(30)) await append(record(i))
      const kept = log.batches({ after: 0 })
      await kept.next()
      expect(log.stats().pins).toMatchObject([{ owner: 'a reader', from: 2 }])
      expect((await log.trim(15)).firstSeq).toBe(1)
      for (let seq = 2; seq <= 30; seq++) expect((await kept.next()).value).toMatchObject({ firstSeq: seq })
      expect((await kept.next()).done).toBe(true)
      const slow = log.batches({ after: 0, owner: 'a slow one', maxPinnedBytes: 1 })
      await slow.next()
      const { firstSeq } = await log.trim(15)
      expect(firstSeq).toBeGreaterThan(2)
      expect(events.at(-1)).toBe('dropped a slow one at 2')
      await expect(slow.next()).rejects.toMatchObject({ code: 'GAP', requestedSeq: 2, firstSeq })
      expect(log.stats().pins).toEqual([])
    })

    it('is there again after it was closed, and goes on behind', async () => {
      for (const i of upTo(10)) await append(record(i), i % 2 ? 'os' : 'disk')
      await opened.close()
      await open()
      expect(opened.plan).toMatchObject({
        firstSeq: 1,
        lastSeq: 10,
        provenSeq: 10,
        refusal: undefined,
        survivors: undefined,
      })
      expect(opened.scanned.reduce((sum, { count }) => sum + count, 0)).toBe(10)
      expect(log).toMatchObject({ lastSeq: 10, durableSeq: 10 })
      expect(await append('next')).toBe(11)
    })

    it('scans only what lies behind a snapshot', async () => {
      for (const i of upTo(20)) await append(record(i))
      await opened.close()
      await open({ after: 12 })
      expect(opened.scanned[0]?.firstSeq).toBe(13)
      expect(opened.plan.lastSeq).toBe(20)
      expect(await sequences({ after: 0 })).toEqual(upTo(20))
    })

    it('records the version of the machine that wrote a batch', async () => {
      await append('a')
      await opened.close()
      await open({ machineVersion: 4 })
      await append('b')
      const versions: number[] = []
      for await (const { machineVersion } of log.batches({ after: 0 })) versions.push(machineVersion)
      expect(versions).toEqual([0, 4])
    })

    it('never lets time go back', async () => {
      for (const i of upTo(5)) await append(record(i))
      const times: number[] = []
      for await (const { time } of log.batches({ after: 0 })) times.push(time)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    })

    it('raises the epoch each time that it is opened', async () => {
      const { epoch } = log.stats()
      await opened.close()
      await open()
      expect(log.stats().epoch).toBe(epoch + 1)
    })

    it('closes twice, commits what was taken, and refuses everything after that', async () => {
      const taken = append('a', 'os')
      const closing = log.close()
      await expect(append('b')).rejects.toMatchObject({ code: 'CLOSED', outcome: 'not-written' })
      await closing
      await log.close()
      expect(await taken).toBe(1)
      await expect(log.ready()).rejects.toMatchObject({ code: 'CLOSED' })
    })

    it('that is ended from outside acknowledges nothing more, ends its readers, and goes on where it was once it is opened again', async () => {
      await append('a')
      const following = sequences({ after: 0, follow: true })
      const pending = [append('b'), append('c', 'os')]
      const why = new HoldfastError('FENCED', 'somebody else writes here')
      log.fail(why)
      log.fail(new HoldfastError('CLOSED', 'too late to be the reason'))
      expect(events.filter((event) => event.startsWith('failed'))).toEqual(['failed with FENCED'])
      for (const { status, reason } of (await Promise.allSettled(pending)) as PromiseRejectedResult[]) {
        expect(status).toBe('rejected')
        expect(reason).toMatchObject({ code: 'FAILED', cause: why })
      }
      await expect(append('d')).rejects.toMatchObject({
        code: 'FAILED',
        outcome: 'not-written',
        cause: why,
      })
      expect((await following)[0]).toBe(1)
      await opened.close().catch(() => {})
      await open()
      expect(await append('e')).toBeGreaterThan(1)
    })

    it('counts what it does', async () => {
      for (const i of upTo(8)) await append(record(i))
      const stats = log.stats()
      expect(stats).toMatchObject({
        firstSeq: 1,
        lastSeq: 8,
        durableSeq: 8,
        batches: 8,
        queuedBytes: 0,
        unsyncedBytes: 0,
      })
      expect(stats.appendedBytes).toBeGreaterThan(8 * 800)
      expect(log.appendedBytes).toBe(stats.appendedBytes)
      expect(stats.bytes).toBeGreaterThanOrEqual(stats.appendedBytes)
    })
  })
}
