import { readdir, readFile, writeFile } from 'node:fs/promises'
import { nodeEnvironment } from '@holdfast/environment'
import {
  type CallName,
  faultyEnvironment,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SnapshotDirectory } from './snapshot-directory.ts'
import { codeOf, publish, restore, subject } from './snapshots.fixture.ts'
import type { PublishedSnapshot } from './snapshot-store.ts'
import { turn } from './turn.ts'
import { numbers } from './values.fixture.ts'

const values = numbers(110_000)

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

/** The old snapshot is there and sound, and nothing else is; what was opened is closed; the next snapshot works. */
async function expectOnlyTheOld(): Promise<void> {
  environment.files.clearRules()
  expect(await readdir(directory.path)).toEqual([old.name])
  expect(environment.files.openFiles).toBe(0)
  expect(await restore(store, old)).toEqual(['old'])
  const next = await publish(store, ['next'], 3)
  expect((await store.list()).map(({ seq }) => seq)).toEqual([3, 1])
  await store.remove(next)
}

/** How many calls of each kind publishing makes. */
async function countedCalls(): Promise<Map<CallName, number>> {
  environment.files.clearLog()
  await store.remove(await publish(store, values, 2))
  const counts = new Map<CallName, number>()
  for (const { call } of environment.files.log) counts.set(call, (counts.get(call) ?? 0) + 1)
  counts.delete('unlink')
  counts.delete('list') // for the id, before anything is made
  return counts
}

describe('publishing on a file system that fails', () => {
  const made: CallName[] = ['open', 'rename', 'syncDirectory', 'stat']
  for (const errno of ['EIO', 'ENOSPC']) {
    it(`${errno} at every single call: a typed error, the old snapshot stays, nothing is left behind`, {
      tags: ['long'],
      timeout: 60_000,
    }, async () => {
      const counts = await countedCalls()
      expect([...counts.keys()].sort()).toEqual(
        ['close', 'open', 'read', 'rename', 'size', 'stat', 'sync', 'syncDirectory', 'write'].sort(),
      )
      for (const [on, count] of counts) {
        for (let nth = 1; nth <= count; nth++) {
          for (const isMade of made.includes(on) ? [false, true] : [false]) {
            // The last synced directory is that of `remove`.
            if (on === 'syncDirectory' && nth === count) continue
            const rule = environment.files.fail({ on, nth, fault: { errno, made: isMade } })
            const error = await publish(store, values, 2).catch(
              (reason: unknown) => reason as { code: string },
            )
            expect(rule.hits, `${on} ${nth}`).toBe(1)
            expect(error, `${on} ${nth}`).toMatchObject({
              code: errno === 'ENOSPC' ? 'NO_SPACE' : 'IO_ERROR',
            })
            await expectOnlyTheOld()
          }
        }
      }
    })
  }

  it('takes short writes and reads as they come', async () => {
    environment.files.fail({ on: ['write', 'read'], times: Infinity, fault: { shortBytes: 10_007 } })
    const snapshot = await publish(store, values, 2)
    expect(await restore(store, snapshot)).toHaveLength(values.length)
  })

  it('takes a write without progress for a full disk', async () => {
    environment.files.fail({ on: 'write', nth: 2, times: Infinity, fault: { shortBytes: 0 } })
    await expect(publish(store, values, 2)).rejects.toMatchObject({
      code: 'NO_SPACE',
      outcome: 'not-written',
    })
    await expectOnlyTheOld()
  })

  it('does not know, after a rename or the sync of its directory failed, and takes the name back', async () => {
    for (const on of ['rename', 'syncDirectory'] as const) {
      const writer = await store.create({ ...subject, seq: 2 })
      await writer.write(1)
      environment.files.fail({ on, path: /\.snap|$/, fault: { errno: 'EIO', made: true } })
      await expect(writer.close()).rejects.toMatchObject({ code: 'IO_ERROR', outcome: 'unknown' })
      await expectOnlyTheOld()
    }
  })

  it('leaves a temporary file that cannot be removed to the next writer', async () => {
    environment.files.fail({ on: 'sync', fault: { errno: 'EIO' } })
    environment.files.fail({ on: 'unlink', times: 9, fault: { errno: 'EIO' } })
    await expect(publish(store, values, 2)).rejects.toMatchObject({ code: 'IO_ERROR' })
    environment.files.clearRules()
    expect(await readdir(directory.path)).toHaveLength(2)
    expect(await store.list()).toHaveLength(1)
    expect(await store.cleanTemporaries()).toHaveLength(1)
    await expectOnlyTheOld()
  })

  it('reads back what is in the file: a bit that the disk did not keep is found before anything is published', async () => {
    for (const at of [4, 40, 300_000, -30]) {
      environment.files.fail({
        on: 'open',
        path: /tmp$/,
        nth: 2,
        fault: { before: () => flipInTemporary(at) },
      })
      const error = await publish(store, values, 2).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'SNAPSHOT_FAILED', cause: { code: 'SNAPSHOT_CORRUPT' } })
      await expectOnlyTheOld()
    }
  })

  it('says where, and that nothing was written, for every call that fails before there is a snapshot', async () => {
    const inDirectory = expect.stringContaining(directory.path) as string
    environment.files.fail({ on: 'open', fault: { errno: 'EACCES' } })
    await expect(store.create(subject)).rejects.toMatchObject({ path: inDirectory, outcome: 'not-written' })
    const writer = await store.create(subject)
    await writer.write('one')
    environment.files.fail({ on: 'stat', fault: { errno: 'EIO' } })
    await expect(writer.close()).rejects.toMatchObject({ path: inDirectory, outcome: 'not-written' })
    await expectOnlyTheOld()
  })

  it('removes nothing where the name of its temporary file is taken', async () => {
    environment.files.clearLog()
    environment.files.fail({ on: 'open', fault: { errno: 'EEXIST' } })
    await expect(store.create(subject)).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(environment.files.log.filter(({ call }) => call === 'unlink')).toEqual([])
  })

  it('says where it could not read', async () => {
    environment.files.fail({ on: 'open', fault: { errno: 'EACCES' } })
    await expect(store.open(old)).rejects.toMatchObject({ code: 'IO_ERROR', path: old.path })
    environment.files.fail({ on: 'read', fault: { errno: 'EIO' } })
    await expect(store.open(old)).rejects.toMatchObject({ code: 'IO_ERROR', path: old.path, offset: 0 })
    const reader = await store.open(old)
    environment.files.fail({ on: 'read', fault: { errno: 'EIO' } })
    await expect(reader.verify()).rejects.toMatchObject({
      code: 'IO_ERROR',
      path: old.path,
      offset: expect.any(Number) as number,
    })
    await reader.close()
    await expect(reader.verify()).rejects.toMatchObject({ code: 'CLOSED', path: old.path })
  })

  it('removes no file that it has not made', async () => {
    environment.files.fail({ on: 'open', path: /tmp$/, fault: { errno: 'EEXIST' } })
    environment.files.clearLog()
    await expect(publish(store, values, 2)).rejects.toMatchObject({ code: 'IO_ERROR' })
    expect(environment.files.count('unlink')).toBe(0)
    await expectOnlyTheOld()
  })

  it('passes on an error of the disk where it reads back, and where it looks whether its name is free', async () => {
    for (const on of ['read', 'stat'] as const) {
      environment.files.fail({ on, path: /\/0+2-[^/]*$/, fault: { errno: 'EIO' } })
      await expect(publish(store, ['state'], 2)).rejects.toMatchObject({
        code: 'IO_ERROR',
        cause: { code: 'EIO' },
      })
      await expectOnlyTheOld()
    }
  })

  it('does not publish over a name that is there', async () => {
    const sameId = await SnapshotDirectory.open(directory.path, { environment, nextId: () => old.id })
    await expect(publish(sameId, ['other'], 1)).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' })
    await expectOnlyTheOld()
  })

  it('tells the caller of the error with the next chunk, and of the same one ever after', async () => {
    environment.files.fail({ on: 'write', nth: 2, fault: { errno: 'ENOSPC' } })
    const writer = await store.create({ ...subject, seq: 2 })
    const error = await writer.writeAll([...values, ...values]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'NO_SPACE', cause: { code: 'ENOSPC' } })
    expect(() => writer.write(1)).toThrow(error)
    await expect(writer.flush()).rejects.toBe(error)
    await expect(writer.close()).rejects.toBe(error)
    await writer[Symbol.asyncDispose]()
    await expectOnlyTheOld()
  })
})

describe('giving up while something is under way', () => {
  it('ends a write between its chunks', async () => {
    const writer = await store.create({ ...subject, seq: 2 })
    const writing = codeOf(Promise.resolve(writer.write(values)))
    await writer[Symbol.asyncDispose]()
    expect(await writing).toBe('CLOSED')
    await expectOnlyTheOld()
  })

  it('notices that binary data was given away between two chunks', async () => {
    const writer = await store.create({ ...subject, seq: 2 })
    const bytes = new Uint8Array(1_000_000)
    const writing = writer.write(bytes)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    await expect(writing).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED', details: { at: '$' } })
    await expectOnlyTheOld()
  })

  it('is over with the first value that is refused, small as it may be', async () => {
    const writer = await store.create({ ...subject, seq: 2 })
    await expect(writer.write(() => 1)).rejects.toMatchObject({ code: 'NOT_SERIALIZABLE' })
    expect(() => writer.write(1)).toThrow(/NOT_SERIALIZABLE/)
    await expectOnlyTheOld()
  })

  it('does not wait for an iterable that never ends', async () => {
    const writer = await store.create({ ...subject, seq: 2 })
    let next: (value: unknown) => void = () => {}
    const endless = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise<IteratorResult<unknown>>((resolve) => {
            next = (value) => resolve({ done: false, value })
          }),
      }),
    }
    const writing = codeOf(writer.writeAll(endless))
    await writer[Symbol.asyncDispose]()
    await expectOnlyTheOld()
    next(1)
    expect(await writing).toBe('CLOSED')
  })

  it('at any point of close either publishes or leaves nothing', { tags: ['long'] }, async () => {
    const seen = new Set<string>()
    for (const on of ['write', 'sync', 'close', 'open', 'read', 'stat', 'rename', 'syncDirectory'] as const) {
      const writer = await store.create({ ...subject, seq: 2 })
      await writer.writeAll(values)
      let disposed: PromiseLike<void> | undefined
      const before = () => {
        disposed ??= writer[Symbol.asyncDispose]()
      }
      environment.files.fail({ on, fault: { before } })
      const code = await codeOf(writer.close())
      await disposed
      environment.files.clearRules()
      for (const entry of await store.list()) {
        if (entry.seq !== 2) continue
        seen.add('published')
        expect(code).toBeUndefined()
        expect(await restore(store, entry)).toHaveLength(values.length)
        await store.remove(entry)
      }
      seen.add(String(code))
      await expectOnlyTheOld()
    }
    expect([...seen].sort()).toEqual(['CLOSED', 'published', 'undefined'])
  })

  it('writes no chunk more once it was given up, however long the last one takes', async () => {
    let release: () => void = () => {}
    const hang = new Promise<void>((resolve) => {
      release = resolve
    })
    const writer = await store.create({ ...subject, seq: 2 })
    environment.files.fail({ on: 'write', fault: { hang } })
    const writing = codeOf(Promise.resolve(writer.write([...values, ...values])))
    // Until the next chunk waits for the one that hangs.
    for (let turns = 0; turns < 20; turns++) await turn(environment)
    const disposing = writer[Symbol.asyncDispose]()
    environment.files.clearLog()
    release()
    await disposing
    expect(await writing).toBe('CLOSED')
    expect(environment.files.log.map(({ call }) => call)).toEqual(['close', 'unlink'])
    await expectOnlyTheOld()
  })

  it('waits for a sync that hangs before it removes what is being synced', async () => {
    let release: () => void = () => {}
    const hang = new Promise<void>((resolve) => {
      release = resolve
    })
    environment.files.fail({ on: 'sync', fault: { hang } })
    const writer = await store.create({ ...subject, seq: 2 })
    await writer.write(1)
    const flushing = writer.flush()
    const disposing = writer[Symbol.asyncDispose]()
    environment.files.clearLog()
    release()
    await Promise.all([flushing, disposing])
    expect(environment.files.log.map(({ call }) => call)).toEqual(['sync', 'close', 'unlink'])
    await expectOnlyTheOld()
  })
})

describe('reading on a file system that fails', () => {
  it('is never told that a snapshot is corrupt because it could not be read', async () => {
    const snapshot = await publish(store, values, 2)
    environment.files.clearLog()
    await restore(store, snapshot)
    const reads = environment.files.count('read')
    for (let nth = 1; nth <= reads; nth++) {
      environment.files.fail({ on: 'read', nth, fault: { errno: 'EIO' } })
      await expect(restore(store, snapshot)).rejects.toMatchObject({
        code: 'IO_ERROR',
        cause: { code: 'EIO' },
      })
    }
    for (const on of ['open', 'size'] as const) {
      environment.files.fail({ on, fault: { errno: 'EIO' } })
      await expect(restore(store, snapshot)).rejects.toMatchObject({
        code: 'IO_ERROR',
        cause: { code: 'EIO' },
      })
    }
    expect(environment.files.openFiles).toBe(0)
    expect(await restore(store, snapshot)).toHaveLength(values.length)
  })

  it('wraps what closing met', async () => {
    const reader = await store.open(old)
    environment.files.fail({ on: 'close', fault: { errno: 'EIO' } })
    await expect(reader.close()).rejects.toMatchObject({ code: 'IO_ERROR', path: old.path })
  })

  it('wraps what listing and removing met', async () => {
    for (const on of ['list', 'stat'] as const) {
      environment.files.fail({ on, fault: { errno: 'EACCES' } })
      await expect(store.list()).rejects.toMatchObject({ code: 'IO_ERROR', cause: { code: 'EACCES' } })
    }
    for (const on of ['unlink', 'syncDirectory'] as const) {
      const snapshot = await publish(store, [1], 2)
      environment.files.fail({ on, fault: { errno: 'EROFS' } })
      await expect(store.remove(snapshot)).rejects.toMatchObject({
        code: 'IO_ERROR',
        cause: { code: 'EROFS' },
      })
      await store.remove(snapshot)
    }
  })
})

async function flipInTemporary(at: number): Promise<void> {
  for (const name of await readdir(directory.path)) {
    if (!name.endsWith('.tmp')) continue
    const bytes = await readFile(`${directory.path}/${name}`)
    const index = at < 0 ? bytes.length + at : at
    bytes[index] = (bytes[index] as number) ^ 1
    await writeFile(`${directory.path}/${name}`, bytes)
  }
}
