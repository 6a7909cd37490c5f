import { isDeepStrictEqual } from 'node:util'
import type { PublishedSnapshot, SnapshotReader, SnapshotStore, SnapshotSubject } from '@holdfast/snapshot'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** A snapshot store to be tested, with nothing in it. */
export interface SnapshotStoreUnderTest {
  /** Another instance on the same snapshots each time, as two processes would have. */
  store(): Promise<SnapshotStore>
  /** Removes what the test left. */
  dispose(): Promise<void>
}

/** What every `SnapshotStore` must do. What damage and faults do is tested beside each of them. */
export function snapshotStoreContract(name: string, make: () => Promise<SnapshotStoreUnderTest>): void {
  describe(`SnapshotStore contract: ${name}`, () => {
    let under: SnapshotStoreUnderTest
    let store: SnapshotStore

    beforeEach(async () => {
      under = await make()
      store = await under.store()
    })
    afterEach(() => under.dispose())

    async function publish(values: Iterable<unknown>, seq = 1): Promise<PublishedSnapshot> {
      const writer = await store.create({ ...subject, seq })
      await writer.writeAll(values)
      return writer.close()
    }

    async function restore(snapshot: PublishedSnapshot): Promise<unknown[]> {
      const reader = await (await under.store()).open(snapshot)
      const values = await all(reader)
      await reader.close()
      return values
    }

    it('has no snapshots at first', async () => {
      expect(await store.list()).toEqual([])
      expect(await store.cleanTemporaries()).toEqual([])
    })

    it('publishes what was written, and gives it back in order', async () => {
      const values = [{ id: 1, name: 'Anna' }, null, 'text', new Map([['key', [1, 2]]]), 42n]
      const snapshot = await publish(values, 17)
      expect(snapshot).toMatchObject({ seq: 17, entries: 5, chunks: 1 })
      expect(await restore(snapshot)).toEqual(values)
      const [listed] = await store.list()
      expect(listed).toMatchObject({ seq: 17, id: snapshot.id, name: snapshot.name, bytes: snapshot.bytes })
    })

    it('publishes what was sealed before, by whichever instance, and not by itself', async () => {
      const writer = await store.create(subject)
      await writer.write('state')
      const sealed = structuredClone(await writer.seal())
      await writer[Symbol.asyncDispose]()
      await expect(writer.close()).rejects.toMatchObject({ code: 'CLOSED' })
      const other = await under.store()
      expect(await other.list()).toEqual([])
      const { temporaryPath: _, ...published } = sealed
      expect(await other.publish(sealed)).toEqual(published)
      expect(await store.list()).toMatchObject([{ name: sealed.name, bytes: sealed.bytes }])
      expect(await restore(sealed)).toEqual(['state'])
      await expect(other.publish(sealed)).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' })
    })

    it('discards what was sealed, and says nothing of what is gone', async () => {
      const writer = await store.create(subject)
      await writer.write('state')
      const sealed = await writer.seal()
      await store.discard(sealed)
      await store.discard(sealed)
      expect(await (await under.store()).cleanTemporaries()).toEqual([])
      await expect(store.publish(sealed)).rejects.toMatchObject({ code: 'IO_ERROR' })
      expect(await store.list()).toEqual([])
    })

    it('keeps what is sealed, and not published yet, when it cleans up', async () => {
      const writer = await store.create(subject)
      await writer.write('state')
      const sealed = await writer.seal()
      expect(await store.cleanTemporaries()).toEqual([])
      await store.publish(sealed)
      expect(await restore(sealed)).toEqual(['state'])
    })

    it('says in the header what it is of', async () => {
      const note = Uint8Array.from([1, 2, 3])
      const writer = await store.create({
        seq: 9,
        time: 1_700_000_000_123,
        machineVersion: 3,
        epoch: 4,
        note,
      })
      await writer.write('state')
      const { id } = await writer.close()
      const [entry] = await store.list()
      const reader = await store.open(entry as PublishedSnapshot)
      expect(reader.header).toMatchObject({
        seq: 9,
        time: 1_700_000_000_123,
        machineVersion: 3,
        epoch: 4,
        id,
      })
      expect([...reader.header.note]).toEqual([1, 2, 3])
      expect(reader.header.storeId).toHaveLength(16)
      expect(reader.header.codec).toEqual(expect.any(String))
      await reader.close()
    })

    it('gives back values of every type and of any size', async () => {
      const many = Array.from({ length: 20_000 }, (_, index) => index)
      const values = [
        [
          null,
          undefined,
          true,
          Number.NaN,
          -1.5,
          2n ** 63n,
          new Date(0),
          '😀',
          new Uint8Array([1]),
          new Set([1]),
        ],
        many,
        new Map(many.map((index) => [`key ${index}`, { index }])),
        { nested: { list: [new Set(many), 'x'.repeat(300_000), new Float64Array(many)] } },
        many.map((index) => ({ index, name: `name ${index}` })),
      ]
      const snapshot = await publish(values)
      expect(snapshot.chunks).toBeGreaterThan(4)
      expect(isDeepStrictEqual(await restore(snapshot), values)).toBe(true)
    })

    it('gives one digest to one state, however it was written', async () => {
      const values = Array.from({ length: 30_000 }, (_, id) => ({ id, name: `name ${id}` }))
      const { digest, chunks } = await publish(values, 1)
      expect(chunks).toBeGreaterThan(1)
      expect(digest).toMatch(/^[0-9a-f]{64}$/)

      const one = await (await under.store()).create({ seq: 2, time: 5, machineVersion: 6, epoch: 7 })
      for (const [index, value] of values.entries()) {
        await one.write(value)
        if (index % 5000 === 0) await one.flush()
      }
      expect((await one.close()).digest).toBe(digest)

      const restored = await publish(await restore(await publish(values, 3)), 4)
      expect(restored.digest).toBe(digest)
      const streamed = await store.create(subject)
      await streamed.writeAll(slowly(values))
      expect((await streamed.close()).digest).toBe(digest)

      expect((await publish([...values, 1], 5)).digest).not.toBe(digest)
      expect((await publish(values.slice(1), 6)).digest).not.toBe(digest)
    })

    it('lists the newest first, by sequence and then by id', async () => {
      const seqs = [5, 1_000_000_000_000, 5, 3]
      for (const seq of seqs) await publish([seq], seq)
      const list = await (await under.store()).list()
      expect(list.map((entry) => entry.seq)).toEqual([1_000_000_000_000, 5, 5, 3])
      expect(list[1]?.id).toBeGreaterThan(list[2]?.id as number)
      expect(new Set(list.map((entry) => entry.id)).size).toBe(4)
    })

    it('shows nothing of a snapshot before it is closed, and nothing of one that is given up', async () => {
      const old = await publish(['old'])
      const writer = await store.create(subject)
      await writer.writeAll(Array.from({ length: 100_000 }, (_, index) => `value ${index}`))
      await writer.flush()
      expect(await store.list()).toHaveLength(1)
      await writer[Symbol.asyncDispose]()
      await writer[Symbol.asyncDispose]()
      expect(await store.list()).toHaveLength(1)
      expect(await (await under.store()).cleanTemporaries()).toEqual([])
      expect(await restore(old)).toEqual(['old'])
      await expect(writer.close()).rejects.toMatchObject({ code: 'CLOSED' })
      expect(() => writer.write(1)).toThrow(/CLOSED/)
    })

    it('publishes nothing where nothing was written, and says so', async () => {
      const writer = await store.create(subject)
      await expect(writer.close()).rejects.toMatchObject({ code: 'EMPTY_SNAPSHOT' })
      await writer[Symbol.asyncDispose]()
      expect(await store.list()).toEqual([])
      expect(await (await under.store()).cleanTemporaries()).toEqual([])
    })

    it('is over for a writer that has published: again the same, and no more values', async () => {
      const writer = await store.create(subject)
      await writer.write(1)
      const published = await writer.close()
      expect(await writer.close()).toEqual(published)
      expect(() => writer.write(2)).toThrow(/CLOSED/)
      await expect(writer.writeAll([2])).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(writer.flush()).rejects.toMatchObject({ code: 'CLOSED' })
      await writer[Symbol.asyncDispose]()
      expect(await restore(published)).toEqual([1])
    })

    it('is over for a writer that was given a value it cannot store, with the path of it', async () => {
      const old = await publish(['old'])
      const writer = await store.create({ ...subject, seq: 2 })
      const many = Array.from({ length: 200_000 }, (_, index) => `value ${index}`)
      const state = { many, deep: [{ bad: () => 1 }] }
      const refused = { code: 'NOT_SERIALIZABLE', details: { at: '$.deep[0].bad' } }
      await expect(writer.write(state)).rejects.toMatchObject(refused)
      expect(() => writer.write(1)).toThrow(/NOT_SERIALIZABLE/)
      await expect(writer.close()).rejects.toMatchObject(refused)
      expect(await (await under.store()).cleanTemporaries()).toEqual([])
      expect(await restore(old)).toEqual(['old'])
      expect(await store.list()).toHaveLength(1)
    })

    it('passes on what an iterable throws, and publishes nothing', async () => {
      const writer = await store.create(subject)
      const thrown = new Error('no more')
      const failing = function* () {
        yield 1
        throw thrown
      }
      await expect(writer.writeAll(failing())).rejects.toBe(thrown)
      await expect(writer.close()).rejects.toBe(thrown)
      expect(await store.list()).toEqual([])
    })

    it('takes one call at a time', async () => {
      const writer = await store.create(subject)
      const many = Array.from({ length: 200_000 }, (_, index) => `value ${index}`)
      const writing = writer.write(many)
      expect(writing).toBeInstanceOf(Promise)
      expect(() => writer.write(1)).toThrow(/INVALID_ARGUMENT/)
      await expect(writer.flush()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
      await expect(writer.close()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
      await writing
      expect((await writer.close()).entries).toBe(1)
    })

    it('lets the event loop turn while a large value is written and read', async () => {
      let turns = 0
      let isOver = false
      const count = () => {
        turns++
        if (!isOver) setImmediate(count)
      }
      const many = Array.from({ length: 200_000 }, (_, index) => `value ${index}`)
      setImmediate(count)
      const snapshot = await publish([many])
      expect(turns).toBeGreaterThanOrEqual(snapshot.chunks - 1)
      turns = 0
      await restore(snapshot)
      expect(turns).toBeGreaterThanOrEqual(snapshot.chunks - 1)
      isOver = true
    })

    it('verifies without decoding, and finds what its writer found', async () => {
      const published = await publish(Array.from({ length: 50_000 }, (_, id) => ({ id })))
      const reader = await store.open(published)
      expect(reader.summary).toBeUndefined()
      const { entries, chunks, payloadBytes, digest } = published
      expect(await reader.verify()).toEqual({ entries, chunks, payloadBytes, digest })
      expect(reader.summary).toEqual({ entries, chunks, payloadBytes, digest })
      await reader.close()
    })

    it('reads in as many passes as it is asked for, at once, whole or not', async () => {
      const values = Array.from({ length: 50_000 }, (_, id) => ({ id }))
      const published = await publish(values)
      const reader = await store.open(published)
      for await (const value of reader.values()) {
        expect(value).toEqual({ id: 0 })
        break
      }
      const [first, second] = await Promise.all([all(reader), all(reader)])
      expect(first).toHaveLength(50_000)
      expect(isDeepStrictEqual(second, values)).toBe(true)
      let inBatches = 0
      for await (const batch of reader.batches()) {
        expect(batch.length).toBeGreaterThan(0)
        inBatches += batch.length
      }
      expect(inBatches).toBe(50_000)
      await reader.close()
    })

    it('reads nothing after close', async () => {
      const published = await publish(Array.from({ length: 50_000 }, (_, id) => ({ id })))
      const reader = await store.open(published)
      const batches = reader.batches()[Symbol.asyncIterator]()
      await batches.next()
      await reader.close()
      await reader.close()
      await expect(batches.next()).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(reader.verify()).rejects.toMatchObject({ code: 'CLOSED' })
    })

    it('removes a snapshot for good, and does not mind when it is gone', async () => {
      const [first, second] = [await publish([1], 1), await publish([2], 2)]
      await store.remove(second)
      await store.remove(second)
      expect((await (await under.store()).list()).map((entry) => entry.seq)).toEqual([1])
      await expect(store.open(second)).rejects.toMatchObject({ code: 'IO_ERROR' })
      expect(await restore(first)).toEqual([1])
      expect((await publish([3], 3)).id).toBeGreaterThan(second.id)
    })

    it('cleans up what a writer that died left, and leaves its own writers alone', async () => {
      const published = await publish([1])
      const dead = await (await under.store()).create(subject)
      await dead.write('half')
      await dead.flush()
      const alive = await store.create({ ...subject, seq: 2 })
      await alive.write('whole')
      expect(await store.cleanTemporaries()).toHaveLength(1)
      expect(await store.cleanTemporaries()).toHaveLength(0)
      expect(await restore(await alive.close())).toEqual(['whole'])
      expect(await restore(published)).toEqual([1])
      await dead[Symbol.asyncDispose]()
    })

    it('refuses a subject that it could not record', async () => {
      const wrong: Partial<SnapshotSubject>[] = [
        { seq: -1 },
        { seq: 1.5 },
        { seq: 2 ** 53 },
        { time: Number.NaN },
        { machineVersion: 2 ** 32 },
        { epoch: -1 },
      ]
      for (const part of wrong) {
        await expect(store.create({ ...subject, ...part })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
        })
      }
      expect(await publish([1], 0)).toMatchObject({ seq: 0 })
      expect(await publish([1], Number.MAX_SAFE_INTEGER)).toMatchObject({ seq: Number.MAX_SAFE_INTEGER })
    })
  })
}

const subject: SnapshotSubject = { seq: 1, time: 1, machineVersion: 1, epoch: 1 }

async function all(reader: SnapshotReader): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const batch of reader.batches()) for (const value of batch) values.push(value)
  return values
}

async function* slowly(values: Iterable<unknown>): AsyncGenerator<unknown> {
  for (const value of values) yield value
}
