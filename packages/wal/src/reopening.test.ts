import { bytesCodec } from '@holdfast/codec'
import { type MemoryFileSystem, memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, crashed } from './crashed-log.fixture.ts'
import type { Batch, Mark } from './log.ts'
import {
  decode,
  deferred,
  encode,
  faultyMemory,
  openHarness,
  recovered,
  STORE,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { LogPlan } from './plan.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'

async function pass(files: MemoryFileSystem): Promise<{ items: (Batch | Mark)[]; plan: LogPlan }> {
  const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
  const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
  const items: (Batch | Mark)[] = []
  for await (const item of scan) items.push({ ...item, note: item.note.slice() })
  return { items, plan: scan.plan }
}

const rangesOf = ({ segments }: LogPlan): number[][] =>
  segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])

describe('survivors that are written again', () => {
  it('are followed by a mark of the time of the last of them, with the note of whoever acts on the log', async () => {
    const { files } = await crashed()
    const { items: before } = await pass(files)
    const environment = memoryEnvironment(files, 3)
    environment.clock.advance(5000)
    const store = await openHarness(environment, {}, STORE, { note: (kind) => encode(`a ${kind}`) })
    const { items } = await pass(files)
    const mark = items.at(-1) as Mark
    expect({ ...mark, note: decode(mark.note) }).toEqual({
      durableSeq: 5,
      time: before.at(-1)?.time,
      note: 'a mark',
    })
    await store.close()
  })

  it('are continued in the segment that they are written to', async () => {
    const { files } = await crashed()
    const store = await openHarness(memoryEnvironment(files, 3))
    await store.append('next')
    await store.close()
    expect(rangesOf((await recovered(files)).plan)).toEqual([
      [1, 4],
      [5, 6],
    ])
  })

  it('keep the codec that wrote them: a log of another goes on in a segment of its own', async () => {
    const { files } = await crashed()
    const directory = await StoreDirectory.openForWriting(STORE, memoryEnvironment(files, 3))
    const logs = new LogDirectory<Uint8Array, () => void>(directory, { ...bytesCodec, id: 'other-1' })
    const scan = logs.scan({ after: 0 })
    for await (const _ of scan) continue
    const log = await logs.open(scan.plan, {
      committed: ({ waiters }) => waiters.forEach((done) => done()),
      rejected: (_, error) => {
        throw error
      },
    })
    const { promise, resolve } = deferred()
    log.submit(encode('next'), 'disk', resolve)
    await promise
    await log.close()
    await directory.close()
    const { items, plan } = await pass(files)
    const codecs = items.flatMap((item) => ('codec' in item ? item.codec : []))
    expect(codecs).toEqual([...Array.from({ length: 5 }, () => 'bytes-1'), 'other-1'])
    expect(rangesOf(plan)).toEqual([
      [1, 4],
      [5, 5],
      [6, 6],
    ])
  })
})

it('a log that is opened and closed again is said to hold what it held', async () => {
  const { files, manifest } = await closed()
  const { files: after } = await recovered(files)
  const { segments } = (await readManifest(memoryEnvironment(after), STORE)) ?? {}
  expect(segments).toEqual(manifest.segments)
})

it('opening and reading a log opens no file that is there but for reading', async () => {
  const { files } = await crashed()
  const there = new Set(files.snapshot().keys())
  const environment = faultyMemory(files)
  const store = await openHarness(environment, { segmentBytes: 4096 })
  for await (const _ of store.log.batches({ after: 0 })) continue
  const opened = environment.files.log.filter(({ call, path }) => call === 'open' && there.has(path))
  expect(opened.length).toBeGreaterThan(4)
  expect(new Set(opened.map(({ mode }) => mode))).toEqual(new Set(['read']))
  await store.close()
})
