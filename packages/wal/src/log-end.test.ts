import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closed, crashed, edit, refusal, reframe, saltOf } from './crashed-log.fixture.ts'
import { encodeMark } from './format.ts'
import {
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { Evidence } from './log.ts'
import type { LogPlan } from './plan.ts'
import { StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 1024 * 1024, syncIntervalMs: 60_000 }

/** What a pass beside the writer finds. */
async function planOf(
  environment: ReturnType<typeof memoryEnvironment>,
  after = 0,
  evidence: readonly Evidence[] = [],
): Promise<LogPlan> {
  const directory = await StoreDirectory.openForReading(STORE, environment)
  const scan = new LogDirectory(directory, bytesCodec).scan({ after, evidence })
  for await (const _ of scan) continue
  await directory.close()
  return scan.plan
}

describe('behind what is proven', () => {
  it('any number of batches is kept, and written again', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    onTestFinished(() => store.close())
    await store.append(text(1, 100))
    for (let i = 2; i <= 7; i++) await store.append(text(i, 100), 'os')
    const files = MemoryFileSystem.of(environment.files.snapshot())
    const after = await openHarness(memoryEnvironment(files, 3), options)
    onTestFinished(() => after.close())
    expect(after.plan).toMatchObject({
      provenSeq: 1,
      survivors: { firstSeq: 2, lastSeq: 7, bytes: 6 * 152 },
      attach: { boundary: { seq: 1, offset: expect.any(Number) as number } },
    })
    expect(await readAll(after.log)).toEqual([1, 2, 3, 4, 5, 6, 7].map((i) => `${i}:${text(i, 100)}`))
  })

  it('and behind a trim there may be nothing: the log goes on where it was trimmed to', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
    onTestFinished(() => store.close())
    for (let i = 1; i <= 7; i++) await store.append(text(i, 900), 'os')
    await store.log.trim(7)
    const files = MemoryFileSystem.of(environment.memory.snapshot())
    const [path] = segmentsOf(files).filter((name) => name.includes('00007-')) as [string]
    edit(files, path, (bytes) => bytes.fill(0, 512))
    const after = await openHarness(memoryEnvironment(files, 3), options)
    onTestFinished(() => after.close())
    expect(after.plan).toMatchObject({ firstSeq: 7, lastSeq: 6, provenSeq: 6, survivors: undefined })
    expect(await after.append('again')).toBe(7)
  })
})

describe('the last frame that can be read', () => {
  it('is said to be the end, or to stand before what is damaged, and so are the bytes set aside', async () => {
    const { files, path, ends } = await crashed()
    const [start, end] = [ends[3], ends[4]] as [number, number]
    const evidence = [{ seq: 5, source: 'a snapshot' }]
    const cut = MemoryFileSystem.of(files.snapshot())
    edit(cut, path, (bytes) => bytes.subarray(0, start))
    expect((await planOf(memoryEnvironment(cut), 0, evidence)).refusal?.message).toContain(
      'CORRUPT: the file ends after sequence 4, and sequence 5 was durable (a snapshot)',
    )
    edit(files, path, (bytes) => bytes.fill(0xa5, end - 100, end))
    expect((await planOf(memoryEnvironment(files), 0, evidence)).refusal?.message).toContain(
      'CORRUPT: the next frame is damaged (payload-checksum) after sequence 4, and sequence 5 was durable (a snapshot)',
    )
    const size = files.snapshot().get(path)?.length as number
    expect((await planOf(memoryEnvironment(files))).tail).toEqual({
      path,
      offset: start,
      bytes: size - start,
      reason: 'payload-checksum',
    })
  })

  it('of a segment that another one continues is where a wrong digest is said to be', async () => {
    const { files, paths } = await closed()
    const path = paths[1] as string
    const last = 512 + 2 * 952
    edit(files, path, (bytes) =>
      reframe(bytes, last, saltOf(bytes), (payload) => void payload.writeUInt8(0x21, payload.length - 1)),
    )
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path, offset: last + 952 })
  })
})

it('time does not go back behind a mark', async () => {
  const { files, path, ends } = await crashed()
  const time = 4_000_000_000_000
  edit(
    files,
    path,
    (bytes) => void encodeMark({ durableSeq: 5, time, note: undefined }, saltOf(bytes)).copy(bytes, ends[4]),
  )
  expect((await recovered(files)).plan).toMatchObject({ lastTime: time, provenSeq: 5 })
})
