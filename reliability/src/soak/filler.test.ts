import { memoryEnvironment } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { Filler, type Place } from './filler.ts'

// On a disk, and by processes that are killed: `npm run reliability -- soak`.
const LIVES = 3
const SNAPSHOTS = 35
/** A life whose snapshots a thread takes. */
const WORKER_LIFE = 2
/** Until closing has given one up: some twelve do in most runs, but nobody can say when a thread is at work. */
const SHORT_LIVES_MAX = 100
const STORE = '/store'

function inMemory(): Place {
  const environment = memoryEnvironment()
  const files = () =>
    [...environment.files.snapshot()].map(([path, { length }]) => ({
      path: path.slice(STORE.length + 1),
      bytes: length,
    }))
  return { directory: STORE, environment, files }
}

it('a store never takes more than the formula says, in any mode, and nearly as much', {
  tags: ['long'],
  timeout: 120_000,
}, async () => {
  const filler = new Filler(inMemory(), 'small', 1)
  for (let life = 0; life < LIVES; life += 1) await filler.live(life, SNAPSHOTS)
  for (let life = 0; life < SHORT_LIVES_MAX && filler.filled.givenUpMaxBytes === 0; life += 1)
    await filler.live(WORKER_LIFE, SNAPSHOTS, { isShort: true })
  const { share, snapshots, rotations, trimmedSegments, pinDrops, heldBackBytes, givenUpMaxBytes } =
    filler.filled
  expect(share).toBeGreaterThan(0.75)
  expect(share).toBeLessThanOrEqual(1)
  expect(snapshots).toBeGreaterThanOrEqual(LIVES * SNAPSHOTS)
  expect(rotations).toBeGreaterThan(500)
  expect(trimmedSegments).toBeGreaterThan(500)
  expect(pinDrops).toBeGreaterThan(0)
  expect(heldBackBytes).toBeGreaterThan(0)
  expect(givenUpMaxBytes).toBeGreaterThan(0)
})
