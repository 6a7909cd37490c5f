import { readdir, unlink } from 'node:fs/promises'
import { type Codec, messagePackCodec } from '@holdfast/codec'
import { nodeEnvironment } from '@holdfast/environment'
import {
  type CallName,
  faultyEnvironment,
  ManualClock,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChunkEncoder } from './chunk-encoder.ts'
import { ChunkFile } from './chunk-file.ts'
import { forgedHeader } from './forge.fixture.ts'
import { CHUNK_VALUES, MAX_CHUNK_BYTES } from './format.ts'
import { SnapshotDirectory } from './snapshot-directory.ts'
import { codeOf, publish, restore, subject } from './snapshots.fixture.ts'
import type { PublishedSnapshot } from './snapshot-store.ts'
import { stateDigest } from './state-digest.ts'
import { numbers } from './values.fixture.ts'

let directory: TemporaryDirectory
let environment: ReturnType<typeof faultyEnvironment>
let store: SnapshotDirectory
let old: PublishedSnapshot

beforeEach(async () => {
  directory = await temporaryDirectory()
  environment = faultyEnvironment(nodeEnvironment)
  store = await SnapshotDirectory.open(directory.path, { environment })
  old = await publish(store, ['old'], 1)
})
afterEach(() => directory.remove())

async function expectOnlyTheOld(): Promise<void> {
  environment.files.clearRules()
  expect(await readdir(directory.path)).toEqual([old.name])
  expect(environment.files.openFiles).toBe(0)
}

describe('nothing is left behind', () => {
  it.each<[what: string, on: CallName]>([
    ['that was made by an open that failed', 'open'],
    ['whose header could not be written', 'write'],
  ])('of a file %s', async (_, on) => {
    environment.files.fail({ on, fault: { errno: 'EIO', made: true } })
    await expect(store.create({ ...subject, seq: 2 })).rejects.toMatchObject({ code: 'IO_ERROR' })
    await expectOnlyTheOld()
  })

  it('of a snapshot that was given up while it was read back', async () => {
    const writer = await store.create({ ...subject, seq: 2 })
    await writer.write('given up')
    let disposed: PromiseLike<void> | undefined
    const before = () => {
      disposed = writer[Symbol.asyncDispose]()
    }
    environment.files.fail({ on: 'read', fault: { before } })
    expect(await codeOf(writer.close())).toBe('CLOSED')
    await disposed
    await expectOnlyTheOld()
  })
})

describe('what errors say', () => {
  it('which file a chunk came too late for', async () => {
    const file = await ChunkFile.create(`${directory.path}/2.snap`, forgedHeader, environment)
    await file.remove()
    await expect(file.put(new ChunkEncoder(messagePackCodec))).rejects.toMatchObject({
      code: 'CLOSED',
      path: file.path,
    })
  })

  it.each<[on: CallName, message: RegExp, run: () => Promise<unknown>]>([
    ['list', /list the snapshots/, () => store.list()],
    ['stat', /look at a snapshot/, () => store.list()],
    ['unlink', /remove a snapshot/, () => store.remove(old)],
    ['syncDirectory', /sync the directory/, () => store.remove(old)],
  ])('where a %s failed, and what for', async (on, message, run) => {
    environment.files.fail({ on, fault: { errno: 'EIO' } })
    await expect(run()).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringMatching(message) as string,
      path: expect.stringContaining(directory.path) as string,
    })
  })

  it('which name is taken', async () => {
    const again = await SnapshotDirectory.open(directory.path, { environment, nextId: () => old.id })
    await expect(publish(again, ['other'], 1)).rejects.toMatchObject({
      code: 'SNAPSHOT_FAILED',
      path: old.path,
    })
  })

  it('that it is the id which is none', async () => {
    const none = await SnapshotDirectory.open(directory.path, { environment, nextId: () => -1 })
    await expect(none.create(subject)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('the id of a snapshot') as string,
    })
  })
})

describe('a directory that changes while it is listed', () => {
  it('leaves out what is gone by the time that it is looked at', async () => {
    environment.files.fail({ on: 'stat', fault: { before: () => unlink(old.path) } })
    expect(await store.list()).toEqual([])
  })

  it('has no snapshots where it is made a moment later', async () => {
    environment.files.fail({ on: 'list', fault: { errno: 'ENOENT' } })
    expect(await store.list()).toEqual([])
  })
})

it('opens what it reads for nothing but reading', async () => {
  environment.files.clearLog()
  await restore(store, old)
  expect(environment.files.log.find(({ call }) => call === 'open')).toMatchObject({ mode: 'read' })
})

describe('where chunks end', () => {
  it('is behind the last value, where that has filled one', async () => {
    const values = numbers(CHUNK_VALUES).map(() => 0)
    expect(await publish(store, values, 2)).toMatchObject({ chunks: 1, digest: stateDigest(values) })
  })

  it('does not depend on when a gentle writer rests', async () => {
    const clock = new ManualClock()
    const monotonic = () => {
      clock.advance(1)
      return clock.monotonic()
    }
    const hurried = { ...environment, clock: { now: () => clock.now(), monotonic } }
    const gentle = await SnapshotDirectory.open(directory.path, { environment: hurried })
    const values = numbers(1000)
    const writer = await gentle.create({ ...subject, seq: 2 }, 'gentle')
    await writer.writeAll(values)
    expect(await writer.close()).toMatchObject({ chunks: 1, digest: stateDigest(values) })
  })

  it('may be at as many bytes as the format allows', async () => {
    const PREFIX_AND_OPS = 8 + 5
    const STRING_HEADER = 5
    const inflating = (bytes: number): Codec<unknown> => ({
      ...messagePackCodec,
      encoder: () => {
        const encoder = messagePackCodec.encoder()
        const add = encoder.add.bind(encoder)
        encoder.add = () => add('x'.repeat(bytes - PREFIX_AND_OPS - STRING_HEADER))
        return encoder
      },
    })
    const most = await SnapshotDirectory.open(directory.path, { codec: inflating(MAX_CHUNK_BYTES) })
    const snapshot = await publish(most, [1], 2)
    expect(snapshot).toMatchObject({ chunks: 1, payloadBytes: MAX_CHUNK_BYTES })
    expect(await restore(most, snapshot)).toHaveLength(1)
    const more = await SnapshotDirectory.open(directory.path, { codec: inflating(MAX_CHUNK_BYTES + 1) })
    await expect(publish(more, [1], 3)).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' })
  })
})

it('has room in its header for an id of a codec as long as those of the log', async () => {
  const codec = { ...messagePackCodec, id: 'x'.repeat(64) }
  const named = await SnapshotDirectory.open(directory.path, { codec })
  expect(await restore(named, await publish(named, ['state'], 2))).toEqual(['state'])
})
