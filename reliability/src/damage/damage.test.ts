import { describe, expect, it } from 'vitest'
import { damageClosed, damageStopped, Tally } from './climb.ts'
import { readingOf } from './evidence.ts'
import { type Files, closedStore } from './store.ts'
import { missingKinds, PLAIN, SPECIAL, type StoreKind } from './store-kinds.ts'

const SEED = 3

describe('damage', () => {
  it('after a clean close takes nothing away: all is there, or the store is refused and not changed', async () => {
    const tally = new Tally()
    await damageClosed({ seed: SEED, commandsEach: 4, every: 61, pairs: 100 }, tally, () => {})
    expect(tally.violations).toEqual([])
    const { figures } = tally
    // What is damaged is refused, not read: only snapshots have a stand-in, and what a snapshot covers is not read.
    expect(figures['closed, bits: refused']).toBeGreaterThan(100)
    expect(figures['closed, bits: intact, from an older snapshot or the log']).toBeGreaterThan(10)
  }, 600_000)

  it('takes nothing away either where a thread took snapshots, where they are compressed, and where a pin kept the log', async () => {
    const tally = new Tally()
    await damageClosed(
      { seed: SEED, commandsEach: 4, every: 211, pairs: 30, kinds: SPECIAL },
      tally,
      () => {},
    )
    expect(tally.violations).toEqual([])
    for (const { name } of SPECIAL) {
      expect(tally.figures[`${name}, bits: refused`]).toBeGreaterThan(20)
      expect(tally.figures[`${name}, bits: intact, from an older snapshot or the log`]).toBeGreaterThan(3)
    }
  }, 600_000)

  it('after a kill or a power cut takes nothing away that anything says was durable', async () => {
    const tally = new Tally()
    await damageStopped({ seed: SEED, moments: 3, every: 211 }, tally, () => {})
    expect(tally.violations).toEqual([])
    expect(tally.figures['stopped at disk: refused']).toBeGreaterThan(20)
    expect(tally.figures['stopped at disk: taken for a torn tail']).toBeGreaterThan(0)
  }, 600_000)

  it('is judged by a reading of the format that finds what there is', async () => {
    const { files, commands } = await closedStore(SEED, 4, PLAIN[0] as StoreKind)
    expect(readingOf(files)).toMatchObject({ readable: commands.length, proven: commands.length })
  })
})

describe('the stores that are damaged', () => {
  const kindNamed = (name: string): StoreKind =>
    [...PLAIN, ...SPECIAL].find((kind) => kind.name === `closed${name}`) as StoreKind
  const like = (files: Files, path: RegExp): [string, Buffer][] =>
    [...files].filter(([name]) => path.test(name)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const filesOf = async (name: string): Promise<Files> => (await closedStore(SEED, 4, kindNamed(name))).files

  it.skipIf(missingKinds().length > 0)('have snapshots that are compressed', async () => {
    const snapshots = like(await filesOf(', compressed'), /\.snap$/)
    expect(snapshots).toHaveLength(3)
    const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
    for (const [, bytes] of snapshots) expect(bytes.includes(zstdMagic)).toBe(true)
  })

  it('have a snapshot that a thread took, and those before it as they were', async () => {
    const byWorker = like(await filesOf(', by a worker'), /\.snap$/)
    const plain = like(await filesOf(''), /\.snap$/)
    expect(byWorker.map(([name]) => name)).toEqual(plain.map(([name]) => name))
    expect(byWorker.slice(0, -1)).toEqual(plain.slice(0, -1))
  })

  it('have a log that a pin has kept, behind what has been trimmed', async () => {
    const pinned = await filesOf(', pinned')
    const unpinned = (await closedStore(SEED, 4, { ...kindNamed(', pinned'), pinned: false })).files
    const first = (files: Files): string =>
      like(files, /\.wal$/).find(([name]) => !name.includes('/0000000000000000000-'))?.[0] ?? ''
    expect(first(pinned)).toContain('/00000000000000000005-')
    expect(first(unpinned) > first(pinned)).toBe(true)
  })
})
