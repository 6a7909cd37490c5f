import { FORMAT_SEED } from '@holdfast/framing'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, edit, putManifest, refusal, reframe } from './crashed-log.fixture.ts'
import {
  deferred,
  encode,
  faultyMemory,
  type Harness,
  openHarness,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { checkLogOptions } from './log-options.ts'

const SEGMENT = /\.wal/

describe('what is refused says in its details', () => {
  it('which option is out of range, and what the range is', () => {
    let error: unknown
    try {
      checkLogOptions({ segmentBytes: 100 })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { option: 'segmentBytes', value: 100, min: 4096, max: 1024 ** 3 },
    })
  })

  it.each<[name: string, call: (store: Harness) => Promise<unknown>]>([
    ['throughSeq', (store) => store.log.trim(-1)],
    ['after', (store) => store.log.batches({ after: -1 }).next()],
  ])('that %s is no sequence', async (argument, call) => {
    const store = await openHarness(memoryEnvironment())
    await expect(call(store)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${argument} is a sequence`) as unknown,
      details: { argument, value: -1 },
    })
    await store.close()
  })

  it('how much is queued', async () => {
    const environment = faultyMemory()
    // A length of four bytes, and the text: with the second it is full to the byte.
    const store = await openHarness(environment, { maxQueuedBytes: 24 })
    const disk = deferred()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
    const taken = [store.append('12345678'), store.append('12345678')]
    expect(store.log.queuedBytes).toBe(24)
    await expect(store.append('')).rejects.toMatchObject({
      code: 'OVERLOADED',
      details: { queuedBytes: 24 },
    })
    disk.resolve()
    expect(await Promise.all(taken)).toEqual([1, 2])
    await store.close()
  })

  it('where a segment is missing', async () => {
    const { files, paths } = await closed()
    await files.unlink(paths[1] as string)
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path: `${STORE}/wal`, seq: 4 })
  })

  it('where the file of another store stands', async () => {
    const { files, paths } = await closed()
    const path = paths[1] as string
    edit(files, path, (bytes) =>
      reframe(bytes, 0, FORMAT_SEED, (payload) => void payload.writeUInt8(payload.readUInt8(16) ^ 1, 16)),
    )
    expect(await refusal(files)).toMatchObject({ code: 'FOREIGN_FILE', path })
  })
})

it('records are refused that do not come with one waiter each', async () => {
  const store = await openHarness(memoryEnvironment())
  const waiter = deferred<number>()
  for (const waiters of [[], [waiter], [waiter, waiter, waiter]]) {
    expect(() => store.log.submitAll([encode('a'), encode('b')], 'disk', waiters)).toThrow(/INVALID_ARGUMENT/)
  }
  expect(store.log.queuedBytes).toBe(0)
  await store.close()
})

it('a log that has failed tells of a write whether it was under way then', async () => {
  const environment = faultyMemory()
  const consumer = deferred()
  const store = await openHarness(environment, {}, STORE, { committed: () => consumer.promise })
  void store.append('a')
  await turns()
  const disk = deferred()
  environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { hang: disk.promise } })
  const underWay = store.append('b')
  await turns()
  consumer.reject(new Error('the consumer failed'))
  await turns()
  disk.resolve()
  await expect(underWay).rejects.toMatchObject({
    outcome: 'unknown',
    message: expect.stringContaining('has failed while this was written') as unknown,
  })
  await expect(store.append('c')).rejects.toMatchObject({
    outcome: 'not-written',
    message: expect.stringContaining('has failed and takes no more writes') as unknown,
  })
  await store.close()
})

describe('a log whose consumer takes nothing but what is committed or rejected', () => {
  const nothing = {
    note: undefined,
    carried: undefined,
    durable: undefined,
    moved: undefined,
    failed: undefined,
    warned: undefined,
  } as unknown as Parameters<typeof openHarness>[3]

  it('moves, warns and fails all the same', async () => {
    const environment = faultyMemory()
    const store = await openHarness(
      environment,
      { segmentBytes: 4096, syncIntervalMs: 60_000 },
      STORE,
      nothing,
    )
    expect(await store.append(text(1, 900), 'os')).toBe(1)
    environment.files.fail({ on: ['writeThrough', 'sync'], path: SEGMENT, fault: { errno: 'EIO' } })
    expect(await store.append(text(2, 900))).toBe(2)
    environment.files.fail({ on: 'rename', path: SEGMENT, fault: { errno: 'EIO' } })
    for (let i = 3; i <= 6; i++) expect(await store.append(text(i, 900))).toBe(i)
    await turns()
    expect(store.log.stats().warning).toMatchObject({ code: 'IO_ERROR' })
    environment.files.fail({
      on: ['write', 'writeThrough', 'sync'],
      path: SEGMENT,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    await expect(store.append('x')).rejects.toMatchObject({ code: 'FAILED', outcome: 'unknown' })
    await expect(store.append('y')).rejects.toMatchObject({ code: 'FAILED', outcome: 'not-written' })
    await store.close()
  })
})

it('a file of this epoch under a name that is not its own is left alone, and no damage', async () => {
  const { files, paths, manifest } = await closed()
  putManifest(files, { ...manifest, nextId: 100 })
  const stray = `${STORE}/wal/00000000000000000004-0000000077.wal`
  files.put(stray, files.snapshot().get(paths[1] as string) as Buffer)
  const store = await openHarness(memoryEnvironment(files, 3))
  expect(store.plan).toMatchObject({
    lastSeq: 10,
    ignored: [{ path: stray, reason: 'its name says segment 77, its header 2', remove: false }],
  })
  await store.close()
})
