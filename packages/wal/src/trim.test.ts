import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  codeOf,
  faultyMemory,
  type Harness,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { StoreDirectory } from './store-directory.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

async function filled(environment: ReturnType<typeof faultyMemory>, count = 20): Promise<Harness> {
  const store = await openHarness(environment, options)
  for (let i = 1; i <= count; i++) await store.append(text(i, 900))
  await turns()
  return store
}

describe('trim', () => {
  it('deletes whole segments that hold nothing above the sequence, never the newest, and says what it did', async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    expect(await store.log.trim(2)).toEqual({ firstSeq: 1, segments: 0, bytes: 0 })
    expect(await store.log.trim(8)).toMatchObject({ firstSeq: 7, segments: 2 })
    expect(store.directory.manifest.trimmedThrough).toBe(6)
    expect(await readAll(store.log)).toHaveLength(14)
    await expect(readAll(store.log, 5)).rejects.toMatchObject({ code: 'GAP', requestedSeq: 6, firstSeq: 7 })
    expect(await store.log.trim(Number.MAX_SAFE_INTEGER)).toMatchObject({ firstSeq: 19 })
    expect(await readAll(store.log)).toHaveLength(2)
    await store.close()
    const after = await recovered(environment.memory)
    expect(after.records.map((record) => Number.parseInt(record))).toEqual([19, 20])
    expect(after.plan.firstSeq).toBe(19)
  })

  it('never outruns what is durable', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 4; i++) await store.append(text(i, 900), 'os')
    await turns()
    await store.log.trim(4)
    expect(store.log.firstSeq).toBe(4)
    expect(store.log.durableSeq).toBe(3)
    await store.close()
  })

  it.each([Number.NaN, -1, 1.5])('refuses %s with INVALID_ARGUMENT and deletes nothing', async (seq) => {
    const environment = faultyMemory()
    const store = await filled(environment)
    const before = segmentsOf(environment.memory)
    await expect(store.log.trim(seq)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(readAll(store.log, seq)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(segmentsOf(environment.memory)).toEqual(before)
    await store.close()
  })

  it('that failed is finished by the next one', async () => {
    for (const rule of [
      { on: 'rename', path: /MANIFEST/ },
      { on: 'unlink', path: /\.wal$/ },
      { on: 'syncDirectory', path: /wal$/ },
    ] as const) {
      const environment = faultyMemory()
      const store = await filled(environment)
      environment.files.fail({ ...rule, fault: { errno: 'EIO' } })
      await expect(store.log.trim(8)).rejects.toMatchObject({ code: 'IO_ERROR' })
      expect((await recovered(environment.memory)).records.at(-1)).toBe(`20:${text(20, 900)}`)
      expect((await store.log.trim(8)).segments).toBe(2)
      const manifest = store.directory.manifest
      expect(segmentsOf(environment.memory)).toHaveLength(manifest.segments.length)
      expect(await store.append(text(21, 900))).toBe(21)
      await store.close()
    }
  })

  it('that was cut short leaves files that the next open removes', async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    environment.files.fail({ on: 'unlink', times: Infinity, fault: { errno: 'EIO' } })
    await expect(store.log.trim(8)).rejects.toMatchObject({ code: 'IO_ERROR' })
    const { files, plan } = await recovered(environment.memory)
    expect(plan.ignored.filter(({ reason }) => reason === 'trimmed')).toHaveLength(2)
    for (const { path } of plan.ignored) expect(segmentsOf(files)).not.toContain(path)
    await store.close().catch(() => {})
  })

  it('that was cut short at a segment whose records were all written again leaves nothing for ever', async () => {
    const first = faultyMemory()
    await filled(first, 19)
    const second = faultyMemory(MemoryFileSystem.of(first.memory.snapshot()))
    const store = await openHarness(second, options)
    expect(store.plan.survivors).toMatchObject({ firstSeq: 19, lastSeq: 19 })
    for (let i = 20; i <= 30; i++) await store.append(text(i, 900))
    await turns()
    expect(segmentsOf(second.memory).filter((path) => path.includes('00019-'))).toHaveLength(2)
    // It dies between the removal of one file and the next, at each of them in turn.
    for (const nth of [1, 2, 3, 4, 5, 6, 7]) {
      const environment = faultyMemory(MemoryFileSystem.of(second.memory.snapshot()))
      const dying = await openHarness(environment, options)
      environment.files.fail({ on: 'unlink', nth, times: Infinity, fault: { errno: 'EIO' } })
      await dying.log.trim(18).catch(() => {})
      // With a snapshot the segments before it are stepped over, by what the manifest says.
      const left = MemoryFileSystem.of(environment.memory.snapshot())
      const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(left))
      const scan = new LogDirectory(directory, bytesCodec).scan({ after: 24 })
      for await (const _ of scan) {
        // The plan is complete once it has ended.
      }
      expect(scan.plan.ignored.filter(({ remove }) => !remove)).toEqual([])
    }
    await store.close()
  })

  it('beside readers: each gets every sequence that it asked for, or GAP', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    let done = false
    const outcomes: string[] = []
    const reader = async (): Promise<void> => {
      while (!done) {
        const from = store.log.firstSeq
        let expected = from
        try {
          for await (const batch of store.log.batches({ after: from - 1 })) {
            expect(batch.firstSeq).toBe(expected)
            expected = batch.lastSeq + 1
            await turns(1)
          }
          outcomes.push('whole')
        } catch (error) {
          outcomes.push(String(codeOf(error)))
        }
        await turns(1)
      }
    }
    const following = (async () => {
      const seen: number[] = []
      for await (const batch of store.log.batches({ after: 0, follow: true }))
        for (let seq = batch.firstSeq; seq <= batch.lastSeq; seq++) seen.push(seq)
      return seen
    })()
    const readers = [reader(), reader()]
    for (let i = 1; i <= 120; i++) {
      await store.append(text(i, 900))
      if (i > 60 && i % 10 === 0) await store.log.trim(i - 30)
    }
    done = true
    await Promise.all(readers)
    await store.close()
    expect(await following).toEqual(Array.from({ length: 120 }, (_, i) => i + 1))
    expect(outcomes).toContain('whole')
    expect(outcomes.filter((outcome) => outcome !== 'whole' && outcome !== 'GAP')).toEqual([])
    expect(environment.files.openFiles).toBe(0)
  })

  it('leaves what is being copied where it is', async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    await environment.memory.makeDirectory('/copy')
    let trimmed: Promise<{ segments: number }> | undefined
    let appended: Promise<number> | undefined
    const before = (): void => {
      trimmed = store.log.trim(15)
      appended = store.append(text(21, 3500))
    }
    environment.files.fail({ on: 'open', path: /^.copy/, fault: { before } })
    const segments = await store.log.backup('/copy')
    expect((await trimmed)?.segments).toBe(0)
    await appended
    expect(segments[0]?.firstSeq).toBe(1)
    expect(segments.at(-1)?.lastSeq).toBeGreaterThanOrEqual(20)
    expect((await environment.memory.list('/copy')).length).toBe(segments.length)
    expect((await store.log.trim(15)).segments).toBe(5)
    await store.close()
  })
})

describe('the manifest', () => {
  it('is refused when it is missing beside segments, and nothing changes', async () => {
    const environment = faultyMemory()
    await (await filled(environment)).close()
    await environment.memory.unlink('/store/MANIFEST')
    const before = environment.memory.snapshot()
    await expect(openHarness(memoryEnvironment(environment.memory))).rejects.toMatchObject({
      code: 'MANIFEST_MISSING',
    })
    expect(environment.memory.snapshot()).toEqual(before)
  })
})
