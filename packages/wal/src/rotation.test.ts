import { bytesCodec } from '@holdfast/codec'
import { ManualTimers, memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  deferred,
  encode,
  faultyMemory,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { readManifest, StoreDirectory } from './store-directory.ts'

const SEGMENT = /\.wal/
const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }
const idOf = (path: string): number => Number(/-(\d{10})\.wal/.exec(path)?.[1])

describe('rotation', () => {
  it('begins a segment where the last one is full: names, footers, chain, manifest', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 10; i++) await store.append(text(i, 900))
    await store.close()
    const { plan } = await recovered(environment.files)
    expect(plan.segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 3],
      [4, 6],
      [7, 9],
      [10, 10],
    ])
    for (const { path, firstSeq, id, bytes } of plan.segments) {
      expect(path).toBe(
        `${STORE}/wal/${String(firstSeq).padStart(20, '0')}-${String(id).padStart(10, '0')}.wal`,
      )
      expect(bytes).toBeLessThan(4096 + 200)
      expect(environment.files.snapshot().get(path)).toHaveLength(bytes)
    }
    const { segments } = store.directory.manifest
    expect(segments.map((segment) => ({ ...segment, footerOffset: undefined }))).toEqual(
      plan.segments.map(({ id, salt, firstSeq, lastSeq, digest, bytes }) => ({
        id,
        salt,
        firstSeq,
        lastSeq,
        digest,
        bytes,
      })),
    )
    expect(
      segments.every(
        ({ footerOffset = 0 }, i) => footerOffset >= (plan.segments[i]?.countedBytes ?? Infinity),
      ),
    ).toBe(true)
    expect(store.log.stats()).toMatchObject({ segments: 4, rotations: 3 })
  })

  it('leaves segments of which a pass says where what it gives begins', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 10; i++) await store.append(text(i, 900))
    await store.close()
    const needed: number[][] = []
    for (const after of [0, 1, 2, 3, 9, 10]) {
      const directory = await StoreDirectory.openForReading(STORE, environment)
      const scan = new LogDirectory(directory, bytesCodec).scan({ after })
      for await (const _ of scan) {
        // The plan is complete once it has ended.
      }
      needed.push(scan.plan.segments.map(({ neededFrom }) => neededFrom))
    }
    const sizes = segmentsOf(environment.files).map((path) => environment.files.snapshot().get(path)?.length)
    const [first, second, third, fourth] = sizes as [number, number, number, number]
    const frame = Math.ceil((16 + 32 + 4 + 900) / 8) * 8
    expect(needed).toEqual([
      [0, 0, 0, 0],
      [512 + frame, 0, 0, 0],
      [512 + 2 * frame, 0, 0, 0],
      [first, 0, 0, 0],
      [first, second, third, 0],
      [first, second, third, fourth],
    ])
  })

  it('names a segment in the manifest, durably, before anything is in it, and no longer before its file goes', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    const wrong: string[] = []
    let checked = 0
    const check = (named: boolean) => async (): Promise<void> => {
      const { path, position } = environment.files.log.at(-1) ?? {}
      if (path === undefined || path.endsWith('.tmp') || (named && position !== 0)) return
      const manifest = await readManifest({ ...environment, files: environment.memory }, STORE)
      checked += 1
      if (manifest?.segments.some(({ id }) => id === idOf(path)) !== named) wrong.push(path)
    }
    environment.files.fail({
      on: 'writeThrough',
      path: SEGMENT,
      times: Infinity,
      fault: { before: check(true) },
    })
    environment.files.fail({ on: 'unlink', path: SEGMENT, times: Infinity, fault: { before: check(false) } })
    for (let i = 1; i <= 20; i++) await store.append(text(i, 900))
    await store.log.trim(15)
    await store.close()
    expect(wrong).toEqual([])
    expect(checked).toBeGreaterThan(10)
  })

  it('syncs what is unsynced in the old segment before the header of the new one says that it was durable', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 3; i++) await store.append(text(i, 900), 'os')
    await turns()
    environment.files.clearLog()
    await store.append(text(4, 900), 'os')
    const calls = environment.files.log
      .filter(({ call }) => call === 'sync' || call === 'writeThrough')
      .map(({ call, path, position }) => `${call} ${idOf(path)} ${position ?? ''}`)
    expect(calls.slice(0, 2)).toEqual(['sync 1 ', 'writeThrough 2 0'])
    expect(store.log.durableSeq).toBe(3)
    await store.close()
  })

  it('costs the batch that meets it one synced write when the next segment is prepared', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 3; i++) await store.append(text(i, 900))
    await turns()
    environment.files.clearLog()
    const before: string[] = []
    const appended = store
      .append(text(4, 900))
      .then(() =>
        before.push(
          ...environment.files.log.map(
            ({ call, path, position }) =>
              `${call} ${SEGMENT.test(path) ? `segment ${position}` : 'manifest'}`,
          ),
        ),
      )
    await appended
    expect(before.filter((call) => call.startsWith('write') || call.startsWith('sync'))).toEqual(
      expect.arrayContaining(['writeThrough segment 0', 'writeThrough segment 512']),
    )
    expect(before).not.toContain('open segment undefined')
    await store.close()
  })

  it('gives a batch that is larger than a segment one to itself', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    await store.append('small')
    await store.append('x'.repeat(50_000))
    await store.append('small again')
    await store.close()
    const { plan, records } = await recovered(environment.files)
    expect(records).toHaveLength(3)
    expect(plan.segments.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })

  it('takes space ahead in steps, as zeros, and cuts what is left when the segment ends', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, { segmentBytes: 1024 * 1024 })
    await store.append('a')
    await turns()
    const [path] = segmentsOf(environment.files) as [string]
    const size = (): number => environment.files.snapshot().get(path)?.length ?? 0
    const sizes = new Set([size()])
    for (let i = 0; i < 40; i++) {
      await store.append('x'.repeat(10_000))
      await turns(2)
      sizes.add(size())
    }
    expect(sizes.size).toBeLessThan(8)
    expect(Math.min(...sizes)).toBe(64 * 1024)
    expect(
      environment.files
        .snapshot()
        .get(path)
        ?.subarray(500_000)
        .every((byte) => byte === 0),
    ).toBe(true)
    await store.close()
    expect(size()).toBeLessThan(410_000)
  })

  it('takes space ahead of what is written meanwhile, never over it', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { segmentBytes: 1024 * 1024 })
    await store.append('a')
    const zeros = deferred<void>()
    // The first synced write is that of the batch which leaves too little room behind it.
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, nth: 2, fault: { hang: zeros.promise } })
    await store.append('b'.repeat(40_000))
    await store.append('c')
    zeros.resolve()
    await turns()
    await store.close()
    const { records } = await recovered(environment.memory)
    expect(records.map((record) => record.slice(0, 3))).toEqual(['1:a', '2:b', '3:c'])
  })

  it('goes on when what follows it in the background fails, and tells', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    environment.files.fail({
      on: ['truncate', 'rename'],
      path: /wal/,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    for (let i = 1; i <= 10; i++) await store.append(text(i, 900))
    await turns()
    expect(store.warnings.length).toBeGreaterThan(0)
    expect(store.log.stats().warning?.code).toBe('IO_ERROR')
    expect(await readAll(store.log)).toHaveLength(10)
    environment.files.clearRules()
    expect((await recovered(environment.memory)).records).toHaveLength(10)
    await store.close()
    expect(environment.files.openFiles).toBe(0)
  })

  it('has one rotation in the background at a time, so that descriptors are bounded', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 3; i++) await store.append(text(i, 900))
    await turns()
    const slow = deferred()
    environment.files.fail({ on: 'truncate', path: SEGMENT, fault: { hang: slow.promise } })
    const appended = [4, 5, 6, 7, 8, 9].map(async (i) => store.append(text(i, 3000)))
    await turns(100)
    expect(environment.files.openFiles).toBeLessThanOrEqual(3)
    slow.resolve()
    await Promise.all(appended)
    await store.close()
  })

  it('keeps time from going back when the clock does', async () => {
    const environment = memoryEnvironment()
    for (const jump of [0, -86_400_000, 3_600_000, -7_200_000]) {
      environment.clock.jump(jump)
      const store = await openHarness(environment, options)
      await store.append(text(1, 3000))
      await store.append(text(2, 3000))
      const times: number[] = []
      for await (const { time } of store.log.batches({ after: 0 })) times.push(time)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      await store.close()
    }
    expect((await recovered(environment.files)).plan.lastTime).toBeGreaterThan(environment.clock.now())
  })

  it('keeps time from going back where every segment is stepped over', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 4; i++) await store.append(text(i, 900))
    await store.close()
    environment.clock.jump(-86_400_000)

    const directory = await StoreDirectory.openForWriting(STORE, environment)
    const logs = new LogDirectory<Uint8Array, () => void>(directory, bytesCodec, options)
    const scan = logs.scan({ after: 4 })
    for await (const _ of scan) continue
    expect(scan.plan.segments.map(({ read }) => read)).toEqual([false, false])
    const log = await logs.open(scan.plan, {
      committed: (batch) => batch.waiters.forEach((done) => done()),
      rejected: (_, error) => {
        throw error
      },
    })
    const { promise, resolve } = deferred()
    log.submit(encode('later'), 'disk', resolve)
    await promise
    await log.close()
    await directory.close()

    const { plan, records } = await recovered(environment.files)
    expect(plan.refusal).toBeUndefined()
    expect(records.at(-1)).toBe('5:later')
  })

  it('writes survivors again under the codec and machine version that wrote them, and goes on in a segment of its own', async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(
      { ...environment, timers: new ManualTimers() },
      { ...options, machineVersion: 7 },
    )
    await store.append('a')
    await store.append('b')
    const files = environment.files
    const again = await openHarness(memoryEnvironment(files, 55), { ...options, machineVersion: 8 })
    expect(again.plan.survivors).toMatchObject({ firstSeq: 2, lastSeq: 2 })
    await again.append('c')
    await again.close()
    const versions: number[] = []
    const third = await openHarness(memoryEnvironment(files, 56), { ...options, machineVersion: 9 })
    for await (const batch of third.log.batches({ after: 0 })) versions.push(batch.machineVersion)
    expect(versions).toEqual([7, 7, 8])
    await third.close()
  })
})
