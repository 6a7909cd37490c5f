import { describe, expect, it } from 'vitest'
import { HoldfastError } from '@holdfast/environment'
import { zstdMissing } from './compression.ts'
import type { FileSnapshotReader } from './file-reader.ts'
import { readBack } from './publish.ts'
import type { SnapshotSummary } from './snapshot-store.ts'

const written: SnapshotSummary = { entries: 2, chunks: 1, payloadBytes: 100, digest: 'ab' }

/** A file that says this of itself, or fails; and how often it was closed. */
function file(verify: () => SnapshotSummary) {
  const calls = { closed: 0 }
  const reader = {
    verify: async () => verify(),
    close: async () => void calls.closed++,
  }
  return { calls, open: async () => reader as unknown as FileSnapshotReader }
}

function failing(error: Error): () => never {
  return () => {
    throw error
  }
}

describe('what was written is read back', () => {
  it('and is the same', async () => {
    const { open, calls } = file(() => ({ ...written }))
    await readBack(open, written)
    expect(calls.closed).toBe(1)
  })

  it.each<[what: string, read: Partial<SnapshotSummary>]>([
    ['another digest', { digest: 'ac' }],
    ['another number of entries', { entries: 3 }],
  ])('and has %s', async (_, read) => {
    const { open, calls } = file(() => ({ ...written, ...read }))
    await expect(readBack(open, written)).rejects.toMatchObject({
      code: 'SNAPSHOT_FAILED',
      message: expect.stringContaining('something else') as string,
    })
    expect(calls.closed).toBe(1)
  })

  it.each<[cause: Error, code: string]>([
    [new HoldfastError('IO_ERROR', 'of the disk'), 'IO_ERROR'],
    [new HoldfastError('NO_SPACE', 'of the disk'), 'NO_SPACE'],
    [new HoldfastError('SNAPSHOT_CORRUPT', 'of the bytes'), 'SNAPSHOT_FAILED'],
    [new TypeError('of anything else'), 'SNAPSHOT_FAILED'],
  ])('and cannot be: %s', async (cause, code) => {
    const { open, calls } = file(failing(cause))
    await expect(readBack(open, written)).rejects.toMatchObject(
      code === 'SNAPSHOT_FAILED' ? { code, cause } : { code, message: cause.message },
    )
    expect(calls.closed).toBe(1)
  })
})

it('a runtime without zstd says what it needs, and for which file', () => {
  expect(zstdMissing('/snapshots/1.snap')).toMatchObject({
    code: 'UNSUPPORTED',
    path: '/snapshots/1.snap',
    hint: expect.stringContaining('Node.js') as string,
  })
})
