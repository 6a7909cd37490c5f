import { fork } from 'node:child_process'
import { once } from 'node:events'
import { nodeEnvironment } from '@holdfast/environment'
import {
  type CallName,
  type FaultyFileSystem,
  memoryEnvironment,
  MemoryFileSystem,
  temporaryDirectory,
} from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  faultyMemory,
  filesOf,
  type Harness,
  openHarness,
  readAll,
  recovered,
  segmentsOf,
  text,
} from './log-harness.fixture.ts'
import type { LogOptions } from './log-options.ts'

const EVERY_CALL: CallName[] = [
  'open',
  'makeDirectory',
  'rename',
  'unlink',
  'syncDirectory',
  'write',
  'writeThrough',
  'sync',
  'truncate',
  'close',
]

/** What the process leaves if it dies before one of its calls. */
interface CrashState {
  readonly before: string
  readonly files: Map<string, Buffer>
  readonly acknowledged: number
  readonly issued: number
  readonly trimmedThrough: number
}

/** Runs a workload and keeps what is there before every call that it makes. */
async function crashStates(
  start: MemoryFileSystem,
  options: LogOptions,
  work: (
    store: Harness,
    append: (text: string, level: 'disk' | 'os') => Promise<void>,
    trim: (seq: number) => Promise<void>,
    files: FaultyFileSystem,
  ) => Promise<void>,
): Promise<CrashState[]> {
  const memory = MemoryFileSystem.of(start.snapshot())
  const environment = faultyMemory(memory)
  const states: CrashState[] = []
  let acknowledged = (await recovered(start, options)).records.length
  let issued = acknowledged
  let trimmedThrough = 0
  const before = (): void => {
    const last = environment.files.log.at(-1)
    states.push({
      before: `${states.length}: ${last?.call} ${last?.path}`,
      files: memory.snapshot(),
      acknowledged,
      issued,
      trimmedThrough,
    })
  }
  environment.files.fail({ on: EVERY_CALL, times: Infinity, fault: { before } })
  const store = await openHarness(environment, options)
  await work(
    store,
    async (value, level) => {
      issued += 1
      await store.append(value, level)
      acknowledged += 1
    },
    async (seq) => {
      trimmedThrough = seq
      await store.log.trim(seq)
    },
    environment.files,
  )
  await store.close()
  return states
}

/** Opens each state: nothing acknowledged is missing, nothing that was never issued is there. */
async function check(states: readonly CrashState[], options: LogOptions): Promise<void> {
  for (const { before, files, acknowledged, issued, trimmedThrough } of states) {
    const { records, plan } = await recovered(MemoryFileSystem.of(files), options)
    expect(plan.firstSeq, `before ${before}`).toBeLessThanOrEqual(trimmedThrough + 1)
    expect(plan.lastSeq, `before ${before}`).toBeGreaterThanOrEqual(acknowledged)
    expect(plan.lastSeq, `before ${before}`).toBeLessThanOrEqual(issued)
    const expected = Array.from(
      { length: plan.lastSeq - plan.firstSeq + 1 },
      (_, i) => `${plan.firstSeq + i}:${text(plan.firstSeq + i, 900)}`,
    )
    expect(records, `before ${before}`).toEqual(expected)
  }
}

describe('a process that dies before any of its calls', () => {
  const options: LogOptions = { segmentBytes: 4096, syncIntervalMs: 60_000 }

  it('leaves a log that opens by itself: opening, appending at both levels, rotating, trimming, closing', async () => {
    const states = await crashStates(new MemoryFileSystem(), options, async (_store, append, trim) => {
      for (let i = 1; i <= 20; i++) {
        await append(text(i, 900), i % 3 === 0 ? 'os' : 'disk')
        if (i % 7 === 0) await trim(i - 2)
      }
    })
    expect(states.length).toBeGreaterThan(150)
    await check(states, options)
  })

  it('leaves a log that opens by itself: moving to a new segment after a failed write or sync', async () => {
    const states = await crashStates(
      new MemoryFileSystem(),
      options,
      async (_store, append, _trim, files) => {
        for (let i = 1; i <= 15; i++) {
          if (i === 4) files.fail({ on: 'sync', path: /\.wal$/, fault: { errno: 'EIO' } })
          if (i === 9) files.fail({ on: 'writeThrough', path: /\.wal$/, fault: { errno: 'EIO' } })
          await append(text(i, 900), i % 2 === 0 ? 'os' : 'disk')
        }
      },
    )
    await check(states, options)
  })

  it('while it writes survivors again, and again while it recovers from that, three deep', {
    tags: ['long'],
  }, async () => {
    const environment = memoryEnvironment()
    const store = await openHarness(environment, options)
    for (let i = 1; i <= 6; i++) await store.append(text(i, 900), i > 4 ? 'os' : 'disk')
    let level = [environment.files]
    for (let depth = 0; depth < 3; depth++) {
      const next: MemoryFileSystem[] = []
      for (const files of level) {
        const states = await crashStates(files, options, async () => {})
        await check(states, options)
        // One in so many goes deeper: each is opened in every one of its own states.
        next.push(
          ...states.filter((_, i) => i % 7 === depth).map((state) => MemoryFileSystem.of(state.files)),
        )
      }
      level = next.slice(0, 12)
    }
    await store.close()
  })
})

/** A process that dies as soon as it has opened, so many times: the directory is what the first one left. */
async function crashAndOpen(cycles: number): Promise<void> {
  const environment = memoryEnvironment()
  const store = await openHarness(environment, { segmentBytes: 8192 })
  for (let i = 1; i <= 20; i++) await store.append(text(i, 900), i > 18 ? 'os' : 'disk')
  let files = MemoryFileSystem.of(environment.files.snapshot())
  let names: string[] | undefined
  let bytes = 0
  for (let cycle = 0; cycle < cycles; cycle++) {
    const opened = await openHarness(memoryEnvironment(files, cycle), { segmentBytes: 8192 })
    expect(opened.log.lastSeq).toBe(20)
    // The process is gone: what it left is all there is.
    files = MemoryFileSystem.of(files.snapshot())
    const left = filesOf(files)
    const size = [...left].reduce(
      (sum, [path, content]) => sum + (path.includes('MANIFEST') ? 0 : content.length),
      0,
    )
    names ??= [...left.keys()]
    bytes ||= size
    expect([...left.keys()]).toEqual(names)
    expect(size).toBe(bytes)
  }
  expect((await recovered(files)).records).toHaveLength(20)
}

describe('crash-and-open cycles', () => {
  it('leave the directory no larger after thirty of them', async () => {
    await crashAndOpen(30)
  })

  it('leave the directory no larger after a thousand of them', { tags: ['long'] }, async () => {
    await crashAndOpen(1000)
  })

  it('opening creates no segment; the first append does', async () => {
    const environment = memoryEnvironment()
    for (let i = 0; i < 3; i++) await (await openHarness(environment)).close()
    expect(segmentsOf(environment.files)).toEqual([])
    const store = await openHarness(environment)
    await store.append('a')
    await store.close()
    const before = segmentsOf(environment.files)
    expect(before).toHaveLength(1)
    await (await openHarness(environment)).close()
    expect(segmentsOf(environment.files)).toEqual(before)
  })

  it('of real processes, killed while they append', { tags: ['long'] }, async () => {
    const directory = await temporaryDirectory()
    let acknowledged = 0
    for (let round = 0; round < 3; round++) {
      const child = fork(new URL('append-until-killed.fixture.ts', import.meta.url), [directory.path])
      child.on('message', (seq: number) => {
        acknowledged = Math.max(acknowledged, seq)
        if (acknowledged % 40 === 39) child.kill('SIGKILL')
      })
      await once(child, 'exit')
      const store = await openHarness(nodeEnvironment, { segmentBytes: 4096 }, directory.path)
      expect(store.log.lastSeq).toBeGreaterThanOrEqual(acknowledged)
      const records = await readAll(store.log)
      expect(records).toEqual(
        Array.from({ length: store.log.lastSeq }, (_, i) => `${i + 1}:${text(i + 1, 300)}`),
      )
      acknowledged = store.log.lastSeq
      await store.close()
    }
    expect(acknowledged).toBeGreaterThan(30)
    await directory.remove()
  })
})
