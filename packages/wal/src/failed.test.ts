import { ManualTimers } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { NOTE_MAX_BYTES } from './batch-builder.ts'
import {
  deferred,
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'

const SEGMENT = /\.wal/
/** Every way to get bytes to a segment. */
const WRITING = ['write', 'writeThrough', 'sync'] as const

describe('a log fails', () => {
  it('where a write fails, and moving to a new segment too: pending calls reject with cause and outcome, reads go on', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    environment.files.fail({
      on: ['write', 'writeThrough', 'sync'],
      path: SEGMENT,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    const inFlight = store.append('b')
    await turns(1)
    const waiting = store.append('c')
    const error = await inFlight.catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'FAILED', outcome: 'unknown', cause: { code: 'IO_ERROR' } })
    await expect(waiting).rejects.toMatchObject({ code: 'FAILED' })
    expect(store.failures).toHaveLength(1)
    await expect(store.append('d')).rejects.toMatchObject({
      code: 'FAILED',
      outcome: 'not-written',
      cause: { code: 'FAILED' },
    })
    await expect(store.log.ready()).rejects.toMatchObject({ code: 'FAILED' })
    await expect(store.log.sync()).rejects.toMatchObject({ code: 'FAILED' })
    expect(await readAll(store.log)).toEqual(['1:a'])
    await store.close()
    expect(environment.files.openFiles).toBe(0)
    environment.files.clearRules()
    const { records } = await recovered(environment.memory)
    expect(records[0]).toBe('1:a')
    expect(['1:a', '2:b']).toEqual(expect.arrayContaining(records))
  })

  it('where the consumer does; closing waits for the write under way, and nothing is written after that', async () => {
    const environment = faultyMemory()
    const consumer = deferred()
    const store = await openHarness(environment, {}, STORE, {
      committed: (batch) => {
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
        return batch.firstSeq === 1 ? consumer.promise : undefined
      },
    })
    await store.append('a')
    const disk = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
    const pending = store.append('b')
    await turns()
    consumer.reject(new Error('the consumer failed'))
    await turns()
    expect(store.failures).toHaveLength(1)
    const closing = store.close()
    await turns()
    disk.resolve()
    // It was written while the log failed: whether it counts is unknown, and it is not acknowledged.
    await expect(pending).rejects.toMatchObject({ code: 'FAILED', outcome: 'unknown' })
    await closing
    expect(environment.files.openFiles).toBe(0)
    const calls = environment.files.log.length
    await turns()
    expect(environment.files.log).toHaveLength(calls)
  })

  it('once: what fails after that is told to no one twice', async () => {
    const environment = faultyMemory()
    const consumer = deferred()
    const store = await openHarness(environment, {}, STORE, {
      committed: (batch) => {
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
        return batch.firstSeq === 1 ? consumer.promise : undefined
      },
    })
    await store.append('a')
    const disk = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
    environment.files.fail({ on: 'open', path: SEGMENT, times: Infinity, fault: { errno: 'EIO' } })
    const pending = store.append('b')
    await turns()
    const first = new Error('the consumer failed')
    consumer.reject(first)
    await turns()
    disk.reject(new Error('the disk failed'))
    await expect(pending).rejects.toMatchObject({ code: 'FAILED', outcome: 'unknown' })
    await turns()
    expect(store.failures).toMatchObject([{ code: 'IO_ERROR', cause: first }])
    expect(store.events).toEqual(['durable 1', 'rejected 1 FAILED'])
    await store.close()
  })

  it('before the batch that waits for a rotation is written: it is not', async () => {
    const environment = faultyMemory()
    const consumer = deferred()
    const store = await openHarness(environment, { segmentBytes: 4096 }, STORE, {
      committed: (batch) => {
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
        return batch.firstSeq === 1 ? consumer.promise : undefined
      },
    })
    await store.append(text(1, 3000))
    await turns()
    const header = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: header.promise } })
    const pending = store.append(text(2, 3000))
    await turns()
    consumer.reject(new Error('the consumer failed'))
    await expect(pending).rejects.toMatchObject({ code: 'FAILED', outcome: 'not-written' })
    header.resolve()
    await store.close()
    expect(environment.files.openFiles).toBe(0)
    expect((await recovered(environment.memory)).records).toEqual([`1:${text(1, 3000)}`])
  })

  it('where its consumer attaches a note that no frame has room for', async () => {
    const environment = faultyMemory()
    let bytes = NOTE_MAX_BYTES
    const store = await openHarness(environment, {}, STORE, {
      note: (kind) => (kind === 'batch' ? new Uint8Array(bytes) : undefined),
    })
    expect(await store.append('a')).toBe(1)
    bytes += 1
    await expect(store.append('b')).rejects.toMatchObject({
      code: 'FAILED',
      outcome: 'not-written',
      cause: { code: 'INVALID_ARGUMENT' },
    })
    expect(store.failures.map(({ code }) => code)).toEqual(['INVALID_ARGUMENT'])
    await store.close()
    expect((await recovered(environment.memory)).records).toEqual(['1:a'])
  })

  it('where a mark cannot be written, and moving to a new segment fails too', async () => {
    const environment = faultyMemory()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers })
    await store.append('a')
    await turns()
    environment.files.fail({ on: WRITING, path: SEGMENT, times: Infinity, fault: { errno: 'EIO' } })
    timers.advance(50)
    await turns()
    expect(store.failures).toMatchObject([{ code: 'FAILED', cause: { code: 'IO_ERROR' } }])
    await expect(store.append('b')).rejects.toMatchObject({ code: 'FAILED', outcome: 'not-written' })
    // Nothing that was acknowledged is not durable.
    await store.close()
    environment.files.clearRules()
    expect((await recovered(environment.memory)).records).toEqual(['1:a'])
  })

  it('while it is closed, and close rejects, where its last mark cannot be written', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment)
    await store.append('a')
    await turns()
    environment.files.fail({ on: WRITING, path: SEGMENT, times: Infinity, fault: { errno: 'EIO' } })
    await expect(store.close()).rejects.toMatchObject({ code: 'FAILED', cause: { code: 'IO_ERROR' } })
    expect(store.failures.map(({ code }) => code)).toEqual(['FAILED'])
    expect(environment.files.openFiles).toBe(0)
    environment.files.clearRules()
    const { records, plan } = await recovered(environment.memory)
    expect(records).toEqual(['1:a'])
    expect(store.directory.manifest.clean).toBeUndefined()
    expect(plan.refusal).toBeUndefined()
  })
})
