import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  faultyMemory,
  type Harness,
  openHarness,
  readAll,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

async function filled(
  count: number,
  bytes = 900,
): Promise<{ environment: ReturnType<typeof faultyMemory>; store: Harness }> {
  const environment = faultyMemory()
  const store = await openHarness(environment, options)
  onTestFinished(() => store.close())
  for (let i = 1; i <= count; i++) await store.append(text(i, bytes))
  await turns()
  return { environment, store }
}

it('a log that begins behind what is wanted is refused', async () => {
  const { environment, store } = await filled(10)
  await store.log.trim(6)
  const directory = await StoreDirectory.openForReading(STORE, environment)
  for (const after of [0, 5, 6]) {
    const scan = new LogDirectory(directory, bytesCodec).scan({ after })
    const seen: number[] = []
    for await (const item of scan) if ('lastSeq' in item) seen.push(item.lastSeq)
    expect({ seen, refusal: scan.plan.refusal }).toMatchObject(
      after === 6
        ? { seen: [7, 8, 9, 10], refusal: undefined }
        : {
            seen: [],
            refusal: { code: 'GAP', requestedSeq: after + 1, firstSeq: 7, path: `${STORE}/wal` },
          },
    )
  }
  await directory.close()
  expect(() => store.log.pin({ owner: 'x', from: 6 })).toThrow(
    expect.objectContaining({ code: 'GAP', path: `${STORE}/wal` }),
  )
})

describe('trim', () => {
  it('deletes a segment of a single record', async () => {
    const { store } = await filled(4, 2500)
    expect(await store.log.trim(2)).toMatchObject({ firstSeq: 3, segments: 2 })
  })

  it('keeps the newest segment also where that has ended', async () => {
    const { environment, store } = await filled(8)
    await store.close()
    const again = await openHarness(environment, options)
    onTestFinished(() => again.close())
    expect(await again.log.trim(Number.MAX_SAFE_INTEGER)).toMatchObject({ firstSeq: 7, segments: 2 })
    expect(await readAll(again.log)).toHaveLength(2)
    expect(await again.append(text(9, 900))).toBe(9)
  })
})

describe('a reader that is dropped while it reads', () => {
  // The first reads of a segment are those of its header, or of its index.
  it.each([1, 2, 3, 4, 5, 6])('with its %s. read gets what it had read, or a GapError', async (nth) => {
    const { environment, store } = await filled(20)
    const reader = store.log.batches({ after: 0, owner: 'a feed', maxPinnedBytes: 0 })
    onTestFinished(async () => void (await reader.return()))
    const before = async (): Promise<void> => void (await store.log.trim(12))
    environment.files.fail({ on: 'read', path: /\.wal/, nth, fault: { before } })
    const seen: number[] = []
    const error = await (async () => {
      for await (const { firstSeq } of reader) seen.push(firstSeq)
    })().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'GAP',
      requestedSeq: seen.length + 1,
      firstSeq: 13,
    })
    expect(seen).toEqual(seen.map((_, i) => i + 1))
  })

  it('and away, far from the end of its segment, is told who it was', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, { segmentBytes: 1024 * 1024, syncIntervalMs: 60_000 })
    onTestFinished(() => store.close())
    // More than is read at a time.
    for (let i = 1; i <= 20; i++) await store.append(text(i, 100_000))
    await turns()
    const reader = store.log.batches({ after: 0, owner: 'a feed', maxPinnedBytes: 0 })
    await reader.next()
    await store.log.trim(Number.MAX_SAFE_INTEGER)
    await expect(reader.next()).rejects.toMatchObject({
      code: 'GAP',
      requestedSeq: 2,
      firstSeq: store.log.firstSeq,
      details: { owner: 'a feed', maxBytes: 0 },
    })
  })
})
