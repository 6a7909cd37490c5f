import { messagePackCodec } from '@holdfast/codec'
import { isHoldfastError, nodeEnvironment } from '@holdfast/environment'
import { recover, WriteQueue } from '@holdfast/recovery'
import { SnapshotDirectory } from '@holdfast/snapshot'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { LogDirectory, StoreDirectory } from '@holdfast/wal'
import { isDeepStrictEqual } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bank, bank, bytesOf, STORE, testEnvironment } from './bank.fixture.ts'
import { open } from './open.ts'
import { Replay } from './replay.ts'

/*
 * A store with several segments and two snapshots, closed in good order, and then damaged: the outcome must
 * be the intact state, or a typed refusal that changed no byte. Never less.
 */
let files: Map<string, Buffer>
let intact: Bank

beforeAll(async () => {
  const environment = testEnvironment()
  const store = await open(STORE, bank, { environment, segmentBytes: 4096, snapshot: { keep: 3 } })
  for (let i = 1; i <= 60; i++) {
    await store.execute('deposit', { to: `account ${i % 5}`, amount: i })
    if (i === 20 || i === 40) await store.snapshot()
  }
  intact = store.state
  await store.close()
  files = bytesOf(environment)
})

const snapshots = (): string[] => [...files.keys()].filter((path) => path.endsWith('.snap'))
const segments = (): string[] => [...files.keys()].filter((path) => path.endsWith('.wal')).sort()

/** What opening does before it changes anything, on these files. */
async function recovered(memory: MemoryFileSystem): Promise<Bank | string> {
  const environment = { ...nodeEnvironment, files: memory }
  try {
    const directory = await StoreDirectory.openForReading(STORE, environment)
    const replay = new Replay<Bank>(bank, new Map([[messagePackCodec.id, messagePackCodec]]))
    const { storeId, snapshotsPath, manifest } = directory
    await recover({
      snapshots: await SnapshotDirectory.open(snapshotsPath, { environment, storeId }),
      log: new LogDirectory<never, never>(directory, messagePackCodec as never),
      target: replay,
      queue: new WriteQueue(),
      clock: environment.clock,
      named: manifest.snapshots,
    })
    return replay.state
  } catch (error) {
    if (isHoldfastError(error)) return error.code
    throw error
  }
}

/** Opens for writing, for real. */
async function openedOn(damaged: ReadonlyMap<string, Buffer>): Promise<string> {
  const environment = testEnvironment(MemoryFileSystem.of(damaged))
  const before = bytesOf(environment)
  try {
    const store = await open(STORE, bank, { environment })
    await store.close()
    return isDeepStrictEqual(store.state, intact) ? 'as it must' : 'with less than was there'
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return isDeepStrictEqual(bytesOf(environment), before)
      ? 'as it must'
      : `changed, and refused: ${error.code}`
  }
}

/** Counts outcomes of many damages; throws at the first that is less than intact or refused. */
async function outcomes(
  damages: Iterable<readonly [path: string, bytes: Buffer]>,
): Promise<Record<string, number>> {
  const memory = MemoryFileSystem.of(files)
  const counts: Record<string, number> = {}
  for (const [path, bytes] of damages) {
    memory.put(path, bytes)
    const outcome = await recovered(memory)
    memory.put(path, files.get(path) as Buffer)
    if (typeof outcome !== 'string' && !isDeepStrictEqual(outcome, intact)) {
      throw new Error(`${path}: less came back than was there`)
    }
    const name = typeof outcome === 'string' ? outcome : 'intact'
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

function* flips(path: string): Generator<readonly [string, Buffer]> {
  const original = files.get(path) as Buffer
  for (let bit = 0; bit < original.length * 8; bit++) {
    const bytes = Buffer.from(original)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    yield [path, bytes]
  }
}

describe('after a clean close', () => {
  it('the store is what it is meant to be', async () => {
    expect(segments().length).toBeGreaterThan(1)
    expect(snapshots()).toHaveLength(2)
    expect(await recovered(MemoryFileSystem.of(files))).toEqual(intact)
  })

  it('every truncation of the last segment is refused, or loses nothing', async () => {
    const last = segments().at(-1) as string
    const whole = files.get(last) as Buffer
    const cuts = Array.from(
      { length: whole.length },
      (_, length) => [last, whole.subarray(0, length)] as const,
    )
    const { intact: lossless = 0, ...refused } = await outcomes(cuts)
    expect(lossless).toBeLessThan(600) // mark and footer, which say nothing that the manifest does not say too
    expect(Object.keys(refused)).toEqual(['CORRUPT'])
  })

  it('every flipped bit of the log is refused, or loses nothing', { timeout: 240_000 }, async () => {
    for (const path of segments()) {
      const { intact: _, ...refused } = await outcomes(flips(path))
      const codes = Object.keys(refused)
      expect(
        codes.filter((code) => !['CORRUPT', 'FOREIGN_FILE', 'UNSUPPORTED_FORMAT'].includes(code)),
      ).toEqual([])
    }
  })

  it('every flipped bit of a snapshot is set aside, and nothing is lost', { timeout: 120_000 }, async () => {
    for (const path of snapshots()) {
      const codes = Object.keys(await outcomes(flips(path)))
      expect(codes).toEqual(['intact'])
    }
  })

  it('every flipped bit of the manifest is refused', { timeout: 120_000 }, async () => {
    expect(Object.keys(await outcomes(flips('/store/MANIFEST')))).toEqual(['MANIFEST_CORRUPT'])
  })

  it('a refused open changes no byte, and one that is not refused opens with everything', async () => {
    for (const [path, original] of files) {
      for (let at = 0; at < original.length; at += 97) {
        const bytes = Buffer.from(original)
        bytes[at] = (bytes[at] as number) ^ (1 << (at & 7))
        expect(await openedOn(new Map(files).set(path, bytes))).toBe('as it must')
      }
    }
  })
})
