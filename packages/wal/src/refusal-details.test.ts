import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closed, putManifest, refusal } from './crashed-log.fixture.ts'
import { type Harness, openHarness, STORE } from './log-harness.fixture.ts'
import { parseSegmentName } from './segment-name.ts'
import { StoreDirectory } from './store-directory.ts'

async function opened(): Promise<Harness> {
  const store = await openHarness(memoryEnvironment())
  onTestFinished(() => store.close())
  await store.append('a')
  return store
}

const thrown = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return error
  }
}

describe('a pin', () => {
  it('that is refused says which argument, and what was given', async () => {
    const { log } = await opened()
    const pin = log.pin({ owner: 'x', from: 3 })
    const calls: [() => unknown, object][] = [
      [() => log.pin({ owner: '', from: 1 }), { argument: 'owner', value: '' }],
      [() => log.pin({ owner: 'x', from: 1, maxBytes: -1 }), { argument: 'maxBytes', value: -1 }],
      [() => pin.advance(2), { argument: 'seq', value: 2, from: 3 }],
    ]
    for (const [call, details] of calls)
      expect(thrown(call)).toMatchObject({ code: 'INVALID_ARGUMENT', details })
  })

  it('too many is refused, with what to do', async () => {
    const { log } = await opened()
    for (let i = 0; i < 100; i++) log.pin({ owner: 'x', from: 1 })
    expect(thrown(() => log.pin({ owner: 'x', from: 1 }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: 'Release those that are no longer needed.',
    })
  })

  it('is released at the end of its block, and says what to do to whoever goes on with it', async () => {
    const { log } = await opened()
    let outside
    {
      using pin = log.pin({ owner: 'x', from: 1 })
      outside = pin
    }
    expect(log.stats().pins).toEqual([])
    expect(thrown(() => outside.advance(2))).toMatchObject({
      code: 'CLOSED',
      hint: 'Pin what is needed anew.',
    })
  })
})

describe('the directory of a store', () => {
  it('is none, or without a manifest, by its segments and snapshots alone', async () => {
    const environment = memoryEnvironment()
    await environment.files.makeDirectory(STORE)
    await environment.files.makeDirectory(`${STORE}/wal`)
    environment.files.put(`${STORE}/wal/notes.txt`, Buffer.from('not ours'))
    await expect(StoreDirectory.openForReading(STORE, environment)).rejects.toMatchObject({
      code: 'NO_STORE',
      path: STORE,
    })
  })

  it('holds directories where directories belong', async () => {
    const files = new MemoryFileSystem()
    await files.makeDirectory(STORE)
    files.put(`${STORE}/wal`, Buffer.from('not ours'))
    await expect(openHarness(memoryEnvironment(files))).rejects.toMatchObject({
      code: 'NOT_A_FILE',
      path: `${STORE}/wal`,
    })
  })

  it('gives no id where none is left, behind a clean close, or once it is closed', async () => {
    const store = await openHarness(memoryEnvironment())
    await store.append('a')
    await store.log.close()
    // What was set aside is given back with the clean close.
    await expect(store.directory.nextId()).rejects.toMatchObject({ code: 'CLOSED', path: STORE })
    store.directory.reserveId(9_999_999_999)
    await expect(store.directory.nextId()).rejects.toMatchObject({ code: 'FAILED', path: STORE })
    await store.directory.close()
  })

  it('is refused where a stray file has the last id', async () => {
    const { files } = await closed()
    files.put(`${STORE}/wal/00000000000000000011-9999999999.wal`, Buffer.from('not ours'))
    expect(await refusal(files)).toMatchObject({ code: 'FOREIGN_FILE', path: STORE })
  })

  it('is refused where the digest of a snapshot is a list', async () => {
    const { files, manifest } = await closed()
    const snapshot = { id: 50, seq: 3, bytes: 3, digest: ['ab'.repeat(32)] as unknown as string }
    putManifest(files, { ...manifest, nextId: 100, snapshots: [snapshot] })
    expect(await refusal(files)).toMatchObject({ code: 'MANIFEST_CORRUPT' })
  })
})

it('the name of a segment has an id from 1 on, and a sequence that can be', () => {
  expect(parseSegmentName('00000000000000000005-0000000001.wal')).toEqual({ firstSeq: 5, id: 1 })
  expect(parseSegmentName('00000000000000000005-0000000000.wal')).toBeUndefined()
  expect(parseSegmentName('99999999999999999999-0000000001.wal')).toBeUndefined()
})
