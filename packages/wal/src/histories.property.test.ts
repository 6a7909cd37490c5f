import { MemoryFileSystem } from '@holdfast/testing/environment'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  faultyMemory,
  type Harness,
  openHarness,
  readAll,
  STORE,
  text,
  turns,
} from './log-harness.fixture.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2000, max: 9000 }) },
)
const level = fc.constantFrom('disk' as const, 'os' as const)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(size, { minLength: 1, maxLength: 4 }),
      level,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('appendAll' as const),
      sizes: fc.array(size, { minLength: 1, maxLength: 4 }),
      level,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('trim' as const),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      call: fc.constantFrom('write' as const, 'writeThrough' as const, 'sync' as const),
      errno: fc.constantFrom('EIO', 'ENOSPC'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      /** How much of the bytes that no sync has covered survives, and what stands behind the cut. */
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      behind: fc.constantFrom('zeros' as const, 'garbage' as const, 'all' as const),
    }),
  },
)

/**
 * What the store must hold, whatever happens: a prefix of what was issued, no shorter than the last `disk`
 * acknowledgement.
 */
class Model {
  readonly issued: string[] = []
  durable = 0
  /** The files as they were when everything in them was durable last. */
  synced: Map<string, Buffer> = new Map()

  next(bytes: number): string {
    return text(this.issued.length + 1, bytes)
  }

  /** A crash took back what was issued and not there after it; the sequences are given again. */
  keep(count: number): void {
    this.issued.length = count
    this.durable = count
  }
}

/**
 * What a power cut may leave: the bytes that were written to the newest segment since it was durable, cut
 * somewhere. A rotation has synced every older one.
 */
function cutUnsynced(
  memory: MemoryFileSystem,
  model: Model,
  part: number,
  behind: 'zeros' | 'garbage' | 'all',
): MemoryFileSystem {
  const files = memory.snapshot()
  const path = newestSegment(files)
  const now = path === undefined ? undefined : files.get(path)
  if (path !== undefined && now !== undefined && behind !== 'all') {
    // By its id: its name changes once.
    const id = path.slice(-14)
    const then = [...model.synced].find(([name]) => name.endsWith(id))?.[1] ?? now.subarray(0, 512)
    // The header is durable before anything is behind it.
    const differs = (byte: number, i: number): boolean => i >= 512 && byte !== (then[i] ?? 0)
    const end = now.findLastIndex(differs) + 1
    const start = end === 0 ? 0 : now.findIndex(differs)
    const cut = start + Math.floor((end - start) * part)
    if (behind === 'zeros') now.fill(0, cut, end)
    else for (let at = cut; at < end; at++) now.writeUInt8((now.readUInt8(at) * 31 + 7) & 0xff, at)
  }
  return MemoryFileSystem.of(files)
}

/** The one that begins last; of two that begin alike, the one that holds more. Prepared ones begin nowhere yet. */
function newestSegment(files: ReadonlyMap<string, Buffer>): string | undefined {
  const segments = [...files].filter(([path, bytes]) => path.endsWith('.wal') && bytes.length > 512)
  const begins = (bytes: Buffer): number => bytes.readUInt32LE(64)
  const holds = (bytes: Buffer): number => bytes.findLastIndex((byte) => byte !== 0)
  segments.sort(([, a], [, b]) => begins(a) - begins(b) || holds(a) - holds(b))
  return segments.at(-1)?.[0]
}

describe('a random history', () => {
  it('recovers a prefix of what was issued that holds every disk acknowledgement', {
    tags: ['long'],
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const model = new Model()
        let leaks = 0
        let environment = faultyMemory()
        // When the log says that something is durable, nothing that is not has been written behind it yet.
        const durable = (): void => {
          model.synced = environment.memory.snapshot()
        }
        let store: Harness = await openHarness(environment, options, STORE, { durable })
        const note = (): void => {
          if (store.log.durableSeq === store.log.lastSeq) durable()
          model.durable = Math.max(model.durable, store.log.durableSeq)
        }
        const reopen = async (files: MemoryFileSystem): Promise<void> => {
          environment = faultyMemory(files)
          store = await openHarness(environment, options, STORE, { durable })
          const { lastSeq, firstSeq } = store.log
          expect(lastSeq).toBeGreaterThanOrEqual(model.durable)
          expect(lastSeq).toBeLessThanOrEqual(model.issued.length)
          expect(await readAll(store.log)).toEqual(
            model.issued.slice(firstSeq - 1, lastSeq).map((value, i) => `${firstSeq + i}:${value}`),
          )
          model.keep(lastSeq)
          note()
        }
        for (const action of [...steps, { do: 'close' as const }]) {
          switch (action.do) {
            case 'append':
            case 'appendAll': {
              const values = action.sizes.map((bytes) => {
                const value = model.next(bytes)
                model.issued.push(value)
                return value
              })
              const before = store.log.lastSeq
              const results =
                action.do === 'append'
                  ? await Promise.allSettled(values.map((value) => store.append(value, action.level)))
                  : await Promise.allSettled([store.appendAll(values, action.level)])
              // It rejects before it fails.
              await turns(1)
              // Refused, and nothing of it is there: it was never issued. One batch, so all of it was.
              if (results.every(({ status }) => status === 'rejected') && store.failures.length === 0)
                model.issued.length = before
              environment.files.clearRules()
              if (store.failures.length > 0) {
                // Rejects where something acknowledged at level os is not durable.
                await store.close().catch(() => {})
                await reopen(environment.memory)
              }
              break
            }
            case 'trim':
              await store.log.trim(Math.floor(store.log.durableSeq * action.part))
              break
            case 'fail':
              environment.files.fail({ on: action.call, path: /\.wal/, fault: { errno: action.errno } })
              continue
            case 'close':
              environment.files.clearRules()
              await store.close()
              leaks += environment.files.openFiles
              model.durable = store.log.lastSeq
              await reopen(environment.memory)
              break
            case 'crash': {
              environment.files.clearRules()
              const left = cutUnsynced(environment.memory, model, action.part, action.behind)
              // The old process is gone; it only has to stop here, on files that nobody looks at any more.
              await store.close().catch(() => {})
              await reopen(left)
              break
            }
            default:
              action satisfies never
          }
          note()
        }
        await store.close()
        expect(leaks).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})
