import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { encodeFrame, FORMAT_SEED } from '@holdfast/framing'
import { type TemporaryDirectory, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { zstd } from './compression.ts'
import { CONTAINER } from './container.ts'
import { OP } from './format.ts'
import { goldenHeader, goldenPath, goldenValues, writeGolden } from './golden.fixture.ts'
import { SnapshotDirectory } from './snapshot-directory.ts'
import { publish, restore } from './snapshots.fixture.ts'
import { chunksOf } from './chunks.fixture.ts'
import { numbers } from './values.fixture.ts'

const digest = 'd830b7cd4cfe981d38154e2317937b8b880fdd4d92dae843ce36d9e0d0bd6f10'
const plain = '00000000000001234567-0000000001.snap'
const compressed = '00000000000001234567-0000000002.snap'

describe('golden snapshots of version 1', () => {
  let temporary: TemporaryDirectory

  beforeEach(async () => {
    temporary = await temporaryDirectory()
  })
  afterEach(() => temporary.remove())

  it('are read as they always were, and not changed by it', async () => {
    const before = await readdir(goldenPath)
    const store = await SnapshotDirectory.open(goldenPath)
    expect(store.storeId).toEqual(Uint8Array.from(numbers(16)))
    const entries = await store.list()
    expect(entries.map(({ name }) => name)).toEqual([compressed, plain])
    for (const entry of entries) {
      const compression = entry.name === plain ? 'none' : 'zstd'
      if (compression === 'zstd' && zstd === undefined) continue
      expect(isDeepStrictEqual(await restore(store, entry), goldenValues())).toBe(true)
      const reader = await store.open(entry)
      expect(await reader.verify()).toEqual({ entries: 12, chunks: 4, payloadBytes: 898_047, digest })
      expect(reader.header).toMatchObject({
        ...goldenHeader,
        formatVersion: 1,
        codec: 'msgpack-1',
        compression,
      })
      await reader.close()
    }
    expect(await readdir(goldenPath)).toEqual(before)
  })

  it('are written as they always were', async () => {
    const published = await writeGolden(temporary.path, 'none')
    expect(published.digest).toBe(digest)
    expect((await readFile(published.path)).equals(await readFile(`${goldenPath}/${plain}`))).toBe(true)
  })

  it.skipIf(zstd === undefined)('have the same digest when they are compressed', async () => {
    // zstd's own bytes may change with its version.
    expect((await writeGolden(temporary.path, 'zstd')).digest).toBe(digest)
  })

  it('hold every kind of container that there is', () => {
    const opened = new Set<number>()
    for (const chunk of chunksOf(goldenValues())) {
      for (let at = 8, end = 8 + chunk.readUInt32LE(4); at < end; ) {
        const op = chunk[at] as number
        if (op >= OP.open) opened.add(op - OP.open)
        at += op === OP.values ? 5 : op === OP.close ? 1 : 9
      }
    }
    expect([...opened].sort((one, other) => one - other)).toEqual(Object.values(CONTAINER))
  })

  it('of a newer version are refused, and nothing is changed; the older one beside it is still there', async () => {
    await mkdir(`${temporary.path}/snapshots`)
    const bytes = await readFile(`${goldenPath}/${plain}`)
    const payload = Buffer.from(bytes.subarray(16, 16 + bytes.readUInt32LE(4)))
    payload.writeUInt16LE(2, 8)
    const header = encodeFrame({ kind: 1, payload }, FORMAT_SEED)
    const newer = Buffer.concat([header, bytes.subarray(header.length)])
    const older = await SnapshotDirectory.open(`${temporary.path}/snapshots`)
    const snapshot = await publish(older, ['older'], 1)
    await writeFile(`${older.path}/${plain}`, newer)
    const before = await readdir(older.path)

    const store = await SnapshotDirectory.open(older.path)
    const [first, second] = await store.list()
    await expect(store.open(first as typeof snapshot)).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' })
    expect(await restore(store, second as typeof snapshot)).toEqual(['older'])
    expect(await store.cleanTemporaries()).toEqual([])
    expect(await readdir(older.path)).toEqual(before)
    expect((await readFile(`${older.path}/${plain}`)).equals(newer)).toBe(true)
  })
})
