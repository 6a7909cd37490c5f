import { SeededRandom } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import type { CommittedBatch } from './log.ts'
import { decode, faultyMemory, openHarness, readAll, recovered, turns } from './log-harness.fixture.ts'

const SEGMENT = /\.wal/
// So large that no segment is prepared beside: that syncs, too.
const OPTIONS = { segmentBytes: 128 * 1024 * 1024, maxQueuedBytes: 128 * 1024 * 1024 }

/** A text that says where it belongs, of so many bytes. */
function text(number: number, bytes: number): string {
  return `${number} `.padEnd(bytes, String(number % 10))
}

/** Fills batches in rounds, and finds in the log what was handed in, each behind a note of so many bytes. */
async function fill(noteBytes: number, records: number, maxBytes: number): Promise<number> {
  const environment = faultyMemory()
  const random = new SeededRandom(noteBytes)
  const note = Uint8Array.from({ length: noteBytes }, (_, i) => i)
  const notes: number[] = []
  const store = await openHarness(environment, OPTIONS, undefined, { note: () => note })
  const expected: string[] = []
  for (let round = 0; round < 4; round++) {
    const appended: Promise<number>[] = []
    for (let i = 0; i < records; i++) {
      const value = text(expected.length + 1, random.below(3) === 0 ? 10 : 1 + random.below(maxBytes))
      expected.push(value)
      appended.push(store.append(value, random.below(3) === 0 ? 'os' : 'disk'))
    }
    await Promise.all(appended)
  }
  await store.log.sync()
  for await (const batch of store.log.batches({ after: 0 })) notes.push(batch.note.length)
  expect(new Set(notes)).toEqual(new Set([noteBytes]))
  const all = expected.map((value, i) => `${i + 1}:${value}`)
  expect(await readAll(store.log)).toEqual(all)
  expect((await recovered(environment.memory)).records).toEqual(all)
  await store.close()
  return notes.length
}

describe('batches that are full, in memory that is used again', () => {
  // More than a batch takes, and notes that fit before it and notes that do not.
  const NOTES = [0, 1, 8, 900, 5000]

  it.each(NOTES)(
    'by their number, hold what they were given, behind a note of %d bytes',
    async (noteBytes) => {
      // Two of three are full.
      expect(await fill(noteBytes, 2500, 200)).toBe(12)
    },
  )

  it.each(NOTES)(
    'by their bytes, hold what they were given, behind a note of %d bytes',
    {
      tags: ['long'],
    },
    async (noteBytes) => {
      // Three of four are full.
      expect(await fill(noteBytes, 20, 2_500_000)).toBeGreaterThan(12)
    },
  )

  it('go to another segment as they are', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, OPTIONS)
    await store.append('first')
    await turns()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, fault: { errno: 'EIO' } })
    const values = Array.from({ length: 12 }, (_, i) => text(i, 1_000_000))
    await Promise.all(values.map((value) => store.append(value)))
    expect(store.moves).toHaveLength(1)
    const all = ['first', ...values].map((value, i) => `${i + 1}:${value}`)
    expect(await readAll(store.log)).toEqual(all)
    expect((await recovered(environment.memory)).records).toEqual(all)
    await store.close()
  })

  it('are the consumer’s until it is done with them', async () => {
    const environment = faultyMemory()
    const seen: string[] = []
    const expected: string[] = []
    const more = (count: number): Promise<number>[] =>
      Array.from({ length: count }, () => {
        expected.push(text(expected.length, 1_000_000))
        return store.append(expected.at(-1) as string)
      })
    const store = await openHarness(environment, OPTIONS, undefined, {
      async committed(batch: CommittedBatch<Uint8Array, { resolve(seq: number): void }>) {
        // Meanwhile others are filled, sealed and written.
        if (expected.length < 40) void Promise.all(more(10))
        await turns()
        seen.push(...batch.decode().map((value) => decode(value)))
        for (const [i, waiter] of batch.waiters.entries()) waiter.resolve(batch.firstSeq + i)
      },
    })
    await Promise.all(more(10))
    await store.log.sync()
    await store.close()
    expect(expected).toHaveLength(40)
    expect(seen).toEqual(expected)
  })

  it('are kept until they are durable, to be written again', { tags: ['long'] }, async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, { ...OPTIONS, syncIntervalMs: 60_000 })
    const values = Array.from({ length: 40 }, (_, i) => text(i, 1_000_000))
    for (let from = 0; from < values.length; from += 10)
      await Promise.all(values.slice(from, from + 10).map((value) => store.append(value, 'os')))
    environment.files.fail({ on: 'sync', path: SEGMENT, fault: { errno: 'EIO' } })
    await store.log.sync()
    expect(store.moves).toHaveLength(1)
    const all = values.map((value, i) => `${i + 1}:${value}`)
    expect(await readAll(store.log)).toEqual(all)
    expect((await recovered(environment.memory)).records).toEqual(all)
    await store.close()
  })
})
