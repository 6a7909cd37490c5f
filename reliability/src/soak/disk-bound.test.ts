import { describe, expect, it } from 'vitest'
import { DiskBound, type DiskFigures } from './disk-bound.ts'
import { type Behaviour, ModelStore, SETTINGS } from './model-store.fixture.ts'

const KIB = 1024
const MIB = KIB * KIB
const OVER = 'is the bound'
/** Without space for what is taken ahead and the like, nothing would be left for anything to be late by. */
const LOGGED = 4 * MIB
const sound: Behaviour = { intervals: 1, meanwhileBytes: 40 * KIB }

function made(behaviour: Behaviour): { readonly bound: DiskBound; readonly store: ModelStore } {
  const bound = new DiskBound(SETTINGS)
  bound.batch(KIB)
  return { bound, store: new ModelStore(bound, behaviour) }
}

/** The next process, which is told no more than what can be written to a file. */
function again({ figures }: DiskBound): DiskBound {
  return new DiskBound(SETTINGS, JSON.parse(JSON.stringify(figures)) as DiskFigures)
}

/** Lives that end while a snapshot is taken, as far on as one gets within so many bytes. */
function shortLives(lives: number, bytes: number, behaviour: Behaviour, closed?: 'gives up' | 'waits') {
  let { bound, store } = made(behaviour)
  store.log(99 * KIB)
  for (let life = 0; life < lives; life += 1) {
    if (closed !== undefined) bound.closed(closed)
    bound = again(bound)
    store = store.open(bound)
    store.log(bytes)
  }
  return { bound, store }
}

describe('DiskBound', () => {
  it.each<[what: string, behaviour: Behaviour]>([
    ['one that writes snapshots in no time', { ...sound, meanwhileBytes: 0 }],
    ['what comes while one is written', sound],
    ['so much that comes that the next is late for that', { ...sound, meanwhileBytes: 170 * KIB }],
  ])('lets a store within the formula pass: %s', (_, behaviour) => {
    const { bound, store } = made(behaviour)
    store.log(LOGGED)
    const { share, meanwhileMaxBytes } = bound.figures
    expect(share).toBeGreaterThan(0.8)
    expect(meanwhileMaxBytes).toBeGreaterThanOrEqual(behaviour.meanwhileBytes)
    expect(meanwhileMaxBytes).toBeLessThanOrEqual(behaviour.meanwhileBytes + KIB)
  })

  it.each<[what: string, behaviour: Behaviour]>([
    ['that never takes a snapshot', { ...sound, intervals: Infinity }],
    ['whose snapshots come three times too late', { ...sound, intervals: 3 }],
    ['whose snapshots come twice too late', { ...sound, intervals: 2 }],
    ['that begins one again and again, and never ends', { ...sound, pretends: true }],
    ['whose snapshot hangs', { ...sound, meanwhileBytes: Infinity, commandMs: 1000 }],
    ['that does not trim its log', { ...sound, trims: false }],
    ['that does not remove its snapshots', { ...sound, removes: false }],
  ])('throws over a store %s', (_, behaviour) => {
    const { store } = made(behaviour)
    expect(() => store.log(LOGGED)).toThrow(OVER)
  })

  it.each([
    ['what crashes left of snapshots', 'snapshots/00000000000000000208-0000000001.snap.1.tmp'],
    ['one segment that is far too large', 'wal/00000000000000000001-0000000001.wal'],
  ])('throws over %s', (_, path) => {
    const { bound } = made(sound)
    const said = { appendedBytes: 0, sinceBytes: 0, atMs: 0, pins: [] }
    const files = Array.from({ length: 8 }, (_each, index) => ({ path: `${path}${index}`, bytes: 60 * KIB }))
    expect(() => bound.look(files, said)).toThrow(OVER)
  })

  it('counts what is logged by a process that is killed while it takes one', () => {
    const lives = 6
    const { bound, store } = shortLives(lives, 30 * KIB, sound)
    expect(bound.figures.intervals[0]?.givenUpBytes).toBeGreaterThan(100 * KIB)
    // Then it comes.
    store.log(LOGGED)
    expect(bound.figures.intervals.map(({ givenUpBytes }) => givenUpBytes)).toEqual([0, 0, 0])
  })

  it('lets what a thread does be given up by closing until the log is two intervals long, and no longer', () => {
    const { bound, store } = shortLives(4, 30 * KIB, sound, 'gives up')
    expect(bound.figures.intervals[0]?.givenUpBytes).toBeGreaterThan(50 * KIB)
    store.log(LOGGED)
    expect(() => shortLives(20, 30 * KIB, sound, 'gives up')).toThrow(OVER)
  })

  it('lets nothing be given up by closing where nothing else does it', () => {
    expect(() => shortLives(20, 30 * KIB, sound, 'waits')).toThrow(OVER)
  })

  it('lets lives without a snapshot make no log longer', () => {
    expect(() => shortLives(40, 30 * KIB, { ...sound, intervals: 3 })).toThrow(OVER)
  })

  it('counts the cap of a pin where it holds something back, and no longer', () => {
    const { bound, store } = made(sound)
    store.log(320 * KIB)
    expect(bound.figures.pinBytes).toBe(0)
    // With the snapshot at 400 the oldest, it is within its cap, and not with the next.
    store.pin(80 * KIB)
    store.log(320 * KIB)
    expect(bound.figures.pinBytes).toBe(80 * KIB)
    const next = again(bound)
    const unpinned = store.open(next)
    expect(next.figures.pinBytes).toBe(0)
    unpinned.log(LOGGED)
    expect(() => store.log(LOGGED)).toThrow(OVER)
  })

  it('counts it too where one snapshot follows the other without a pause', () => {
    const { bound, store } = made({ ...sound, meanwhileBytes: 170 * KIB })
    store.log(200 * KIB)
    store.pin(80 * KIB)
    store.log(560 * KIB)
    expect(bound.figures.pinBytes).toBe(80 * KIB)
  })
})
