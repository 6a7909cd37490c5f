// Readers on the real file system whose part of the log is deleted while they read it.
import { join } from 'node:path'
import { GapError } from '@holdfast/environment'
import { openDescriptors, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { bank, type BankStore } from './bank.fixture.ts'
import type { Change } from './change-feed.ts'
import { open } from './open.ts'
import { openReadOnly } from './open-read-only.ts'

let root: string
let remove: () => Promise<void>
let store: BankStore

const COMMANDS = 400

beforeEach(async () => {
  ;({ path: root, remove } = await temporaryDirectory())
  store = await open(join(root, 'store'), bank, { segmentBytes: 64 * 1024 })
  await write()
})
afterEach(async () => {
  await store.close()
  await remove()
})

/** So many bytes that a reader does not have all of them at once. */
async function write(): Promise<void> {
  for (let i = 0; i < COMMANDS; i += 8) {
    await store.executeAll(
      Array.from(
        { length: 8 },
        (_, j) => ['note', `${store.appliedSeq + j + 1} ${'x'.repeat(2000)}`] as const,
      ),
    )
  }
  await store.sync()
}

/** Snapshots with commands between them: all before the last but one goes. */
async function trim(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await store.execute('note', `${store.appliedSeq + 1} more`)
    await store.snapshot()
  }
}

/** Reads on from `last`; returns the last sequence that it got before the error. */
async function readOn(feed: AsyncIterable<Change>, last: number): Promise<{ last: number; error: unknown }> {
  try {
    for await (const { seq, argument } of feed) {
      expect(seq).toBe(last + 1)
      expect(String(argument)).toMatch(new RegExp(`^${seq} `))
      last = seq
    }
  } catch (error) {
    return { last, error }
  }
  return { last, error: undefined }
}

it('one of another instance gets a GapError, at the latest where its file ends, and never a wrong answer', async () => {
  const reader = await openReadOnly(join(root, 'store'), bank)
  const feed = reader.changes({ from: 1, pollMs: 1 })
  await feed.next()
  await trim()
  expect(store.stats().log.firstSeq).toBeGreaterThan(COMMANDS / 2)
  const { last, error } = await readOn(feed, 1)
  expect(error).toBeInstanceOf(GapError)
  expect(last).toBeLessThan(COMMANDS / 2)
  // It may have read one more batch, whose outcomes it did not know yet.
  expect((error as GapError).requestedSeq).toBeGreaterThan(last)
  expect((error as GapError).firstSeq).toBe(store.stats().log.firstSeq)
  await reader.close()
})

it('one of the store itself that is dropped keeps no file that is deleted, and gets a GapError', async () => {
  const feed = store.changes({ from: 1, maxPinnedBytes: 0 })
  await feed.next()
  await trim()
  expect(((await openDescriptors(root)) ?? []).filter((path) => path.includes('deleted'))).toEqual([])
  expect(await readOn(feed, 1)).toMatchObject({ error: { code: 'GAP' } })
})

it('one of the store itself with room under its cap gets everything', async () => {
  const feed = store.changes({ from: 1 })
  await feed.next()
  await trim()
  expect(store.stats().log.firstSeq).toBe(1)
  const reading = readOn(feed, 1)
  await store.close()
  expect(await reading).toEqual({ last: COMMANDS + 3, error: undefined })
})
