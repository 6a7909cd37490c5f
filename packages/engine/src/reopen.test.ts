import { type Codec, messagePackCodec } from '@holdfast/codec'
import { encodeFrame, FORMAT_SEED, FRAME_HEADER_BYTES } from '@holdfast/framing'
import { describe, expect, it } from 'vitest'
import { afterKill, bank, bytesOf, damage, errorLike, STORE, testEnvironment } from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'
import { openReadOnly } from './open-read-only.ts'

describe('opening again', () => {
  it('brings back exactly what was acknowledged, after a close', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('deposit', { to: 'ann', amount: 5 })
    await store.execute('transfer', { from: 'bob', to: 'ann', amount: 1 }).catch(() => {})
    const { state } = store
    await store.close()
    const again = await open(STORE, bank, { environment })
    expect(again.state).toEqual(state)
    expect([again.appliedSeq, again.durableSeq]).toEqual([2, 2])
    expect(again.report).toMatchObject({
      snapshot: undefined,
      lastSeq: 2,
      commands: { applied: 2, refused: 1, decided: 0 },
    })
    await again.close()
  })

  it('brings back exactly what was acknowledged, after a kill', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    for (let i = 0; i < 10; i++) await store.execute('note', i)
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.state).toEqual(store.state)
    await again.close()
    await store.close()
  })

  it('goes on with the sequences, and time never goes back though the clock does', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    environment.clock.advance(100_000)
    await store.execute('note', 1)
    const { lastTime } = store.state
    await store.snapshot()
    await store.close()
    const later = afterKill(environment) // its clock begins at the start again
    expect(later.clock.now()).toBeLessThan(lastTime)
    const again = await open(STORE, bank, { environment: later })
    await again.execute('note', 2)
    expect(again.state).toMatchObject({ lastSeq: 2, lastTime })
    await again.close()
  })

  it('decodes each batch once, and reads each segment once', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, segmentBytes: 4096 })
    for (let i = 0; i < 200; i++) await store.execute('note', i)
    await store.close()
    let decoded = 0
    const counting: Codec<unknown> = {
      ...messagePackCodec,
      encoder: () => messagePackCodec.encoder(),
      decode(bytes, count) {
        decoded += 1
        return messagePackCodec.decode(bytes, count)
      },
    }
    environment.files.clearLog()
    const again = await open(STORE, bank, { environment, codec: counting })
    expect(decoded).toBe(200)
    const segments = again.report.log.segments.length
    // Its header, all of it, and a look behind the end.
    expect(environment.files.count('read', /\.wal$/)).toBeLessThanOrEqual(3 * segments)
    await again.close()
  })

  it('makes nothing but the directory and its manifest before the first command', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    expect([...bytesOf(environment).keys()]).toEqual(['/store/MANIFEST'])
    await store.close()
  })

  it('never changes a byte before the whole pass ended well', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment, segmentBytes: 4096 })
    for (let i = 0; i < 200; i++) await store.execute('note', i)
    await store.close()
    damage(environment, /0000000001\.wal$/)
    const before = bytesOf(environment)
    await expect(open(STORE, bank, { environment })).rejects.toThrow(errorLike('CORRUPT'))
    expect(bytesOf(environment)).toEqual(before)
    // And the lock is free again.
    await expect(open(STORE, bank, { environment })).rejects.toThrow(errorLike('CORRUPT'))
  })

  it('can be given up', async () => {
    const environment = testEnvironment()
    const aborted = open(STORE, bank, { environment, signal: AbortSignal.abort() })
    await expect(aborted).rejects.toThrow(errorLike('ABORTED'))
    const store = await open(STORE, bank, { environment })
    for (let i = 0; i < 100; i++) await store.execute('note', i)
    const killed = afterKill(environment)
    const before = bytesOf(killed)
    const controller = new AbortController()
    const opening = open(STORE, bank, {
      environment: killed,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
    await expect(opening).rejects.toThrow(errorLike('ABORTED'))
    expect(bytesOf(killed)).toEqual(before)
    await store.close()
  })

  it('tells how far it has come', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 'a')
    await store.snapshot()
    for (let i = 0; i < 3; i++) await store.execute('note', 'x'.repeat(700_000))
    await store.close()
    const seen: unknown[] = []
    const again = await open(STORE, bank, {
      environment,
      onProgress: ({ phase, seq, records }) => seen.push([phase, seq, records]),
    })
    expect(seen).toEqual([
      ['snapshot', 1, 0],
      ['log', 3, 2],
      ['log', 4, 3],
    ])
    await again.close()
  })

  it('writes survivors again: opened and killed over and over, it stays the same', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    for (let i = 0; i < 5; i++) await store.execute('note', i)
    let killed = afterKill(environment)
    for (let i = 0; i < 5; i++) {
      const again = await open(STORE, bank, { environment: killed })
      expect(again.state).toEqual(store.state)
      killed = afterKill(killed)
    }
    await store.close()
  })
})

describe('what open refuses', () => {
  it('a first state that cannot be stored, with its path', async () => {
    const environment = testEnvironment()
    const bad = defineMachine({ version: 1, initial: () => ({ a: { b: () => 1 } }), commands: {} })
    await expect(open(STORE, bad, { environment })).rejects.toThrow(
      errorLike('NOT_SERIALIZABLE', { details: expect.objectContaining({ at: '$.a.b' }) }),
    )
    const entries = defineMachine({
      version: 1,
      initial: () => ({}),
      commands: {},
      entries: () => [1, Symbol('no')],
      restore: () => ({}),
    })
    await expect(open(STORE, entries, { environment })).rejects.toThrow(/entry 1 of the first state/)
    expect(bytesOf(environment).size).toBe(0)
  })

  it('options out of range, with name, value and range', async () => {
    const environment = testEnvironment()
    const bad = [
      { durability: 'ram' as never },
      { segmentBytes: 4095 },
      { maxRecordBytes: 0 },
      { maxQueuedBytes: -1 },
      { maxUnsyncedBytes: 1.5 },
      { syncIntervalMs: 0 },
      { snapshot: { keep: 1 } },
      { snapshot: { everyBytes: 0 } },
      { snapshot: { everyRecords: Number.NaN } },
      { snapshot: { everyMs: 0 } },
      { snapshot: { everyMs: 2 ** 31 } },
      { snapshot: { keep: Infinity } },
      { snapshot: { compression: 'gzip' as never } },
      { segmentbytes: 8192 } as never,
      { snapshot: { everyRecord: 1 } } as never,
      { codec: {} } as never,
      { environment: {} } as never,
      { onProgress: 1 } as never,
      { signal: 1 } as never,
    ]
    for (const options of bad) {
      await expect(open(STORE, bank, { environment, ...options })).rejects.toThrow(
        errorLike('INVALID_ARGUMENT'),
      )
    }
    await expect(open(STORE, bank, { environment, snapshot: { keep: 1 } })).rejects.toThrow(
      /snapshot\.keep is a whole number from 2 on, not 1/,
    )
    const store = await open(STORE, bank, { environment, snapshot: { everyBytes: Infinity } })
    await store.close()
  })

  it('what is no path, and what is no machine', async () => {
    const environment = testEnvironment()
    for (const opening of [
      open('', bank, { environment }),
      open(1 as never, bank, { environment }),
      openReadOnly('', bank, { environment }),
      open(STORE, undefined as never, { environment }),
      open(STORE, { version: 1 } as never, { environment }),
    ]) {
      await expect(opening).rejects.toThrow(errorLike('INVALID_ARGUMENT'))
    }
    expect(bytesOf(environment).size).toBe(0)
  })

  it('a first state that every replay would share', async () => {
    const state = { total: 0 }
    const shared = defineMachine({ version: 1, initial: () => state, commands: {} })
    await expect(open(STORE, shared, { environment: testEnvironment() })).rejects.toThrow(
      /a new state each time/,
    )
    const none = defineMachine({ version: 1, initial: () => undefined as never, commands: {} })
    await expect(open(STORE, none, { environment: testEnvironment() })).rejects.toThrow(/must give an object/)
  })

  it('a snapshot of a newer format, with nothing changed', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 1)
    const { path } = await store.snapshot()
    await store.close()
    const bytes = environment.memory.snapshot().get(path) as Buffer
    const header = Buffer.from(bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + bytes.readUInt32LE(4)))
    header.writeUInt16LE(2, 8)
    encodeFrame({ kind: bytes.readUInt8(1), payload: header }, FORMAT_SEED).copy(bytes)
    environment.memory.put(path, bytes)
    const before = bytesOf(environment)
    await expect(open(STORE, bank, { environment })).rejects.toThrow(
      errorLike('UNSUPPORTED_FORMAT', { path }),
    )
    expect(bytesOf(environment)).toEqual(before)
  })

  it('a second writer, in this process too', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await expect(open(STORE, bank, { environment })).rejects.toThrow(errorLike('LOCKED'))
    await store.close()
    await (await open(STORE, bank, { environment })).close()
  })
})
