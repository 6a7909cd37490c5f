import {
  cutAt,
  cutFile,
  recordCrashPoints,
  SimulatedEnvironment,
  survivalNamed,
} from '@holdfast/testing/environment'
import type { SimulatedDisk, Workload } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { Wal } from './wal.ts'

const STORE = '/store'
const record = (i: number): Uint8Array => new Uint8Array(500).fill(i)

async function open(disk: SimulatedDisk, seed: number): Promise<Wal> {
  return Wal.open(STORE, { environment: new SimulatedEnvironment({ disk, seed }), segmentBytes: 4096 })
}

async function values(wal: Wal): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = []
  for await (const { value } of wal.read()) found.push(value[0])
  return found
}

/** Appends until the log has gone on to a second segment and a third. */
const rotating: Workload<{ appended: number }> = {
  observe: () => ({ appended: 0 }),
  async run(environment) {
    const wal = await Wal.open(STORE, { environment, segmentBytes: 4096 })
    for (let i = 1; i <= 12; i++) await wal.append(record(i))
    await wal.close()
  },
}

describe('a segment whose header is in the page cache only', () => {
  it('is given up, so that a power cut after a kill takes nothing that was acknowledged', async () => {
    const { points } = await recordCrashPoints(rotating)
    const headers = points.filter(
      ({ operation: { call, path, position } }) =>
        call === 'writeThrough' && position === 0 && path.includes('/00000000000000000000-'),
    )
    expect(headers.length).toBeGreaterThan(1)
    for (const { operation } of headers) {
      // Killed with the header written and not synced; opened again, and then the power fails.
      const killed = (await cutAt(operation.index, rotating)).during
      const again = await open(killed, 2)
      const before = await values(again)
      const seq = await again.append(record(99))
      expect(seq).toBe(before.length + 1)
      const cut = killed.afterPowerCut(survivalNamed('nothing'))
      const third = await open(cut, 3)
      expect(await values(third)).toEqual([...before, 99])
      await third.close()
    }
  })
})

describe('a batch that extends its segment, and is not synced', () => {
  it('is no reason to refuse a log whose manifest was written meanwhile, when the power fails', async () => {
    const environment = new SimulatedEnvironment({ seed: 1 })
    const options = { segmentBytes: 256 * 1024, syncIntervalMs: 60_000 }
    const wal = await Wal.open(STORE, { environment, ...options })
    await wal.append(record(1))
    // More than half of the segment: the next one is prepared, and named in the manifest.
    await wal.append(new Uint8Array(200_000), { durability: 'os' })
    await new Promise<void>((resolve) => {
      environment.timers.after(1000, resolve)
    })
    expect(wal.durableSeq).toBe(1)
    const disk = environment.disk.afterPowerCut(survivalNamed('nothing'))
    expect(disk.paths().filter((path) => path.includes('/00000000000000000000-'))).toHaveLength(1)
    const again = await open(disk, 2)
    expect(await values(again)).toEqual([1])
    await again.close()
    await wal.close()
  })
})

describe('closing a log that failed', () => {
  it('rejects where something acknowledged at level os is not durable', async () => {
    const environment = new SimulatedEnvironment()
    const wal = await Wal.open(STORE, { environment, syncIntervalMs: 10 })
    await wal.append(record(1), { durability: 'os' })
    // In the background the sync fails, and so does the move to a new segment.
    environment.files.fail({ on: 'sync', path: /\.wal/, times: 2, fault: { errno: 'EIO' } })
    await new Promise<void>((resolve) => {
      environment.timers.after(100, resolve)
    })
    await expect(wal.append(record(2))).rejects.toMatchObject({ code: 'FAILED', outcome: 'not-written' })
    await expect(wal.close()).rejects.toMatchObject({ code: 'FAILED' })
  })

  it('resolves where all that was acknowledged is durable', async () => {
    const environment = new SimulatedEnvironment()
    const wal = await Wal.open(STORE, { environment })
    await wal.append(record(1))
    environment.files.fail({ on: ['sync', 'writeThrough'], path: /\.wal/, times: 2, fault: { errno: 'EIO' } })
    await expect(wal.append(record(2))).rejects.toMatchObject({ code: 'FAILED', outcome: 'unknown' })
    await wal.close()
  })
})

describe('a last segment that lost its footer, and nothing else', () => {
  it('is read without it', async () => {
    const disk = new SimulatedEnvironment().disk
    const wal = await open(disk, 1)
    await wal.append(record(1))
    await wal.close()
    const path = disk.paths().find((name) => name.endsWith('.wal')) as string
    // Behind the header, the batch and the mark: the footer begins 56 bytes before the end.
    cutFile(disk, path, disk.contentOf(path).length - 64)
    const again = await open(disk, 2)
    expect(await values(again)).toEqual([1])
    await again.close()
  })
})

describe('a last segment that a batch has extended, and not durably yet', () => {
  it('is opened after a kill, and after power cuts at any moment of that', async () => {
    const environment = new SimulatedEnvironment()
    const { disk } = environment
    const wal = await Wal.open(STORE, { environment, segmentBytes: 1024 * 1024, syncIntervalMs: 60_000 })
    await wal.append(record(1))
    // More than a segment begins with, and so much at once that it extends the file by itself.
    await wal.append(new Uint8Array(200_000).fill(2), { durability: 'os' })
    const killed = disk.fork()
    const { points } = await recordCrashPoints(
      {
        observe: () => ({}),
        run: (again) =>
          Wal.open(STORE, { environment: again, segmentBytes: 1024 * 1024 }).then((log) => log.close()),
      },
      { disk: killed },
    )
    expect(points.length).toBeGreaterThan(10)
    for (const { during, operation } of points) {
      for (const survival of ['nothing', 'sizes']) {
        const third = await open(during.afterPowerCut(survivalNamed(survival)), 3)
        const found = await values(third)
        expect({ at: operation.index, survival, first: found[0] }).toEqual({
          at: operation.index,
          survival,
          first: 1,
        })
        await third.close()
      }
    }
  })
})
