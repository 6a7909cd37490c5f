import { describe, expect, it } from 'vitest'
import { DiskBound, type StoredFile } from './disk-bound.ts'

const KIB = 1024
const settings = { keep: 2, segmentBytes: 10 * KIB, everyBytes: 100 * KIB }

const segment = (firstSeq: number, bytes = 10 * KIB): StoredFile => ({
  path: `wal/${String(firstSeq).padStart(20, '0')}-${String(firstSeq).padStart(10, '0')}.wal`,
  bytes,
})
const snapshot = (seq: number, suffix = ''): StoredFile => ({
  path: `snapshots/${String(seq).padStart(20, '0')}-0000000001.snap${suffix}`,
  bytes: 50 * KIB,
})
/** A log of so many segments, with ten sequences in each. */
const log = (segments: number): StoredFile[] =>
  Array.from({ length: segments }, (_, index) => segment(index * 10 + 1))

describe('DiskBound', () => {
  it('takes what is kept, and what comes while a snapshot is written', () => {
    const bound = new DiskBound(settings)
    bound.look([...log(20), snapshot(8), snapshot(108)], 92 * KIB)
    // Late by 3 KiB; then 40 KiB are logged while it is written.
    bound.look([...log(21), snapshot(8), snapshot(108)], 103 * KIB)
    bound.look([...log(25), snapshot(8), snapshot(108), snapshot(208, '.0123456789abcdef.tmp')], 40 * KIB)
    bound.look([...log(25), snapshot(8), snapshot(108), snapshot(208)], 41 * KIB)
    expect(bound.figures).toMatchObject({ snapshotBytes: 50 * KIB, meanwhileBytes: 41 * KIB, looks: 4 })
    expect(bound.figures.lateBytes).toEqual([3 * KIB])
    expect(bound.figures.share).toBeGreaterThan(0.75)
  })

  it.each<[what: string, files: StoredFile[]]>([
    ['log that nobody trimmed', [...log(35), snapshot(108), snapshot(208)]],
    ['snapshots that nobody removed', [...log(20), ...[8, 58, 108, 158, 208].map((seq) => snapshot(seq))]],
    [
      'what crashes left of snapshots',
      [...log(20), snapshot(8), snapshot(108), ...['.1', '.2', '.3'].map((end) => snapshot(208, end))],
    ],
    ['one segment that is far too large', [segment(1, 500 * KIB)]],
  ])('throws over %s', (_, files) => {
    const bound = new DiskBound(settings)
    expect(() => bound.look(files, 10 * KIB)).toThrow('is the bound')
  })

  it('forgets how late a snapshot was once what came before it is gone', () => {
    const bound = new DiskBound(settings)
    bound.look([], 130 * KIB)
    bound.snapshot()
    bound.snapshot()
    expect(bound.figures.lateBytes).toEqual([0, 0, 30 * KIB])
    bound.snapshot()
    expect(bound.figures.lateBytes).toEqual([0, 0, 0])
  })
})
