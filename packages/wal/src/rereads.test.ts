import { bytesCodec } from '@holdfast/codec'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import { crashed, edit, putManifest } from './crashed-log.fixture.ts'
import { faultyMemory, filesOf, openHarness, segmentsOf, STORE, text, turns } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { LogPlan } from './plan.ts'
import { segmentName } from './segment-name.ts'
import { StoreDirectory } from './store-directory.ts'

/** A reader's pass, from a manifest that was read before anything went wrong. */
async function readerOf(
  environment: ReturnType<typeof faultyMemory>,
): Promise<{ directory: StoreDirectory; pass: (after?: number) => Promise<LogPlan> }> {
  const directory = await StoreDirectory.openForReading(STORE, environment)
  const pass = async (after = 0): Promise<LogPlan> => {
    const scan = new LogDirectory(directory, bytesCodec).scan({ after })
    for await (const _ of scan) continue
    return scan.plan
  }
  return { directory, pass }
}

describe('a reader beside a writer looks again', () => {
  it.each([
    ['a file that is gone for a moment', 3, 'ENOENT'],
    ['nothing else', 0, 'EIO'],
  ])('at %s', async (_, times, errno) => {
    const { files } = await crashed()
    for (const count of [times, times + 1]) {
      const environment = faultyMemory(files)
      const { pass } = await readerOf(environment)
      environment.files.fail({ on: 'open', path: /\.wal/, times: count, fault: { errno } })
      const outcome = await pass().catch((error: unknown) => error)
      expect(outcome).toMatchObject(
        count === times ? { lastSeq: 5, refusal: undefined } : { code: 'IO_ERROR', details: { errno } },
      )
    }
  })

  it('as often as it takes where the writer gets on', async () => {
    const { files } = await crashed()
    const environment = faultyMemory(files)
    const { directory, pass } = await readerOf(environment)
    const { manifest } = directory
    let { nextId } = manifest
    const before = (): void => {
      putManifest(files, { ...manifest, nextId: ++nextId })
      throw Object.assign(new Error('renamed'), { code: 'ENOENT' })
    }
    environment.files.fail({ on: 'open', path: /\.wal/, times: 9, fault: { before } })
    expect(await pass()).toMatchObject({ lastSeq: 5, refusal: undefined })
  })

  it('as often as it takes where bytes that were half-written become whole', async () => {
    const { files, path, ends } = await crashed(20)
    const whole = files.snapshot().get(path) as Buffer
    const starts = ends.slice(0, 18)
    edit(files, path, (bytes) => {
      for (const start of starts) bytes.fill(0, start, start + 32)
    })
    const environment = faultyMemory(files)
    const { pass } = await readerOf(environment)
    const before = (): void => {
      const start = starts.shift() ?? 0
      edit(files, path, (bytes) => void whole.copy(bytes, start, start, start + 32))
    }
    environment.files.fail({ on: 'size', path: /\.wal/, nth: 2, times: Infinity, fault: { before } })
    expect(await pass()).toMatchObject({ lastSeq: 20, refusal: undefined, batches: 20 })
  })

  it('is told of a gap, and where, once just what it was about to read is trimmed', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
    onTestFinished(() => store.close())
    for (let i = 1; i <= 3; i++) await store.append(text(i, 2500))
    await turns()
    const reading = faultyMemory(environment.memory)
    const { pass } = await readerOf(reading)
    const before = async (): Promise<void> => void (await store.log.trim(1))
    // It has looked at all headers, and comes back for what is behind the first.
    reading.files.fail({ on: 'open', path: /\.wal/, nth: 4, fault: { before } })
    await expect(pass()).rejects.toMatchObject({
      code: 'GAP',
      requestedSeq: 1,
      firstSeq: 2,
      path: `${STORE}/wal/${segmentName(1, 1)}`,
    })
  })

  it('and has what a trim meanwhile proves, though nothing behind it can be read yet', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
    onTestFinished(() => store.close())
    for (let i = 1; i <= 3; i++) await store.append(text(i, 2500))
    await turns()
    const reading = faultyMemory(MemoryFileSystem.of(environment.memory.snapshot()))
    const { pass } = await readerOf(reading)
    await store.log.trim(2)
    for (const path of segmentsOf(reading.memory)) await reading.memory.unlink(path)
    for (const [path, bytes] of filesOf(environment.memory)) reading.memory.put(path, bytes)
    for (const path of segmentsOf(reading.memory)) edit(reading.memory, path, (bytes) => bytes.fill(0, 512))
    expect(await pass(2)).toMatchObject({
      refusal: undefined,
      provenSeq: 2,
      lastSeq: 2,
      attach: { boundary: { seq: 2, offset: 512 } },
    })
  })
})
