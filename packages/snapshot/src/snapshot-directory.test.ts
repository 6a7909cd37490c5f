import { chmod, lstat, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { bytesCodec, type Codec, messagePackCodec } from '@holdfast/codec'
import { nodeEnvironment } from '@holdfast/environment'
import { faultyEnvironment, type TemporaryDirectory, temporaryDirectory } from '@holdfast/testing/environment'
import { snapshotStoreContract } from '@holdfast/testing/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { snapshotName } from './file-name.ts'
import { MAX_CHUNK_BYTES, MAX_NOTE_BYTES } from './format.ts'
import { SnapshotDirectory, type SnapshotDirectoryOptions } from './snapshot-directory.ts'
import { publish, restore, subject } from './snapshots.fixture.ts'
import type { SnapshotEntry } from './snapshot-store.ts'
import { stateDigest } from './state-digest.ts'
import { numbers } from './values.fixture.ts'

async function underTest(options: SnapshotDirectoryOptions) {
  const directory = await temporaryDirectory()
  return {
    store: () => SnapshotDirectory.open(`${directory.path}/snapshots`, options),
    dispose: () => directory.remove(),
  }
}

snapshotStoreContract('SnapshotDirectory', () => underTest({}))
snapshotStoreContract('SnapshotDirectory with zstd', () => underTest({ compression: 'zstd' }))

describe('SnapshotDirectory', () => {
  let temporary: TemporaryDirectory
  let path: string

  beforeEach(async () => {
    temporary = await temporaryDirectory()
    path = `${temporary.path}/deep/snapshots`
  })
  afterEach(() => temporary.remove())

  const open = (options: SnapshotDirectoryOptions = {}) => SnapshotDirectory.open(path, options)

  it('makes and changes nothing before the first snapshot is begun', async () => {
    const store = await open()
    expect(await store.list()).toEqual([])
    expect(await store.cleanTemporaries()).toEqual([])
    await store.remove(entryOf(1, 1))
    expect(await readdir(temporary.path)).toEqual([])
  })

  it('keeps files and directories for their owner', async () => {
    const { path: file } = await publish(await open(), ['private'])
    expect((await lstat(path)).mode & 0o777).toBe(0o700)
    expect((await lstat(file)).mode & 0o777).toBe(0o600)
  })

  it('names files so that they sort, and ignores all others', async () => {
    const store = await open()
    const [first, second] = [await publish(store, [1], 9), await publish(store, [2], 10)]
    expect([first.name, second.name]).toEqual([
      '00000000000000000009-0000000001.snap',
      '00000000000000000010-0000000002.snap',
    ])
    const strange = [
      'notes.txt',
      '9-1.snap',
      `${first.name}.bak`,
      `x${first.name}`,
      first.name.replace('.snap', '.SNAP'),
      '.snap',
    ]
    for (const name of [...strange, `${'9'.repeat(20)}-0000000001.snap`])
      await writeFile(`${path}/${name}`, 'x')
    expect((await store.list()).map(({ seq }) => seq)).toEqual([10, 9])
    const others = [
      `${first.name}.tmp`,
      'MANIFEST.0123456789abcdef.tmp',
      `${first.name}.0123456789ABCDEF.tmp`,
    ]
    for (const name of others) await writeFile(`${path}/${name}`, 'x')
    const ours = `${first.name}.0123456789abcdef.tmp`
    await writeFile(`${path}/${ours}`, 'x')
    expect(await store.cleanTemporaries()).toEqual([ours])
    expect(await readdir(path)).toEqual(expect.arrayContaining([...strange, ...others]))
  })

  it('is no directory without snapshots where a link leads nowhere, or a file stands', async () => {
    await symlink(`${temporary.path}/nowhere`, `${temporary.path}/link`)
    await writeFile(`${temporary.path}/file`, 'of somebody else')
    for (const name of ['link', 'file']) {
      const opened = SnapshotDirectory.open(`${temporary.path}/${name}`)
      await expect(opened.then((store) => store.list())).rejects.toMatchObject({
        code: 'NOT_A_FILE',
        path: `${temporary.path}/${name}`,
        cause: expect.any(Error) as Error,
      })
    }
    const store = await SnapshotDirectory.open(`${temporary.path}/nothing`)
    expect(await store.list()).toEqual([])
  })

  it('follows no symbolic link and opens nothing but files', async () => {
    const store = await open()
    const { name } = await publish(store, ['outside'])
    await rename(`${path}/${name}`, `${temporary.path}/outside`)
    await symlink(`${temporary.path}/outside`, `${path}/${name}`)
    await mkdir(`${path}/${snapshotName(8, 2)}`)
    const entries = await store.list()
    expect(entries.map(({ seq }) => seq)).toEqual([8, 7])
    for (const entry of entries) await expect(store.open(entry)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    // Neither keeps another one from being found.
    const another = await open()
    expect(await restore(another, await publish(another, ['next'], 9))).toEqual(['next'])
    const target = `${temporary.path}/victim`
    await writeFile(target, 'precious')
    await symlink(target, `${path}/${name}.0123456789abcdef.tmp`)
    await store.cleanTemporaries()
    expect(await readFile(target, 'utf8')).toBe('precious')
  })

  it('refuses what belongs to another store, or stands under another name', async () => {
    const storeId = new Uint8Array(16).fill(7)
    const mine = await open({ storeId })
    const own = await publish(mine, ['mine'])
    const other = await open({ storeId: new Uint8Array(16) })
    await expect(other.open(own)).rejects.toMatchObject({ code: 'FOREIGN_FILE', path: own.path })
    for (const [seq, id] of [
      [own.seq, own.id + 1],
      [own.seq + 1, own.id],
    ] as const) {
      const copy = entryOf(seq, id)
      await writeFile(`${path}/${copy.name}`, await readFile(own.path))
      await expect(mine.open(copy)).rejects.toMatchObject({
        code: 'FOREIGN_FILE',
        path: `${path}/${copy.name}`,
      })
    }
    await writeFile(own.path, 'something else altogether, which is longer than a header')
    await expect(mine.open(own)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT' })
    await expect(open({ storeId: new Uint8Array(15) })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('takes the id of the newest snapshot with a sound header for its own, alone', async () => {
    const storeId = new Uint8Array(16).fill(7)
    const store = await open({ storeId })
    const snapshot = await publish(store, ['state'])
    await writeFile(`${path}/${snapshotName(99, 99)}`, 'damaged')
    const alone = await open()
    expect(alone.storeId).toEqual(storeId)
    expect(await restore(alone, snapshot)).toEqual(['state'])
    expect((await publish(alone, ['next'], 100)).id).toBe(100)
    const environment = faultyEnvironment(nodeEnvironment)
    environment.files.fail({ on: 'open', fault: { errno: 'EMFILE' } })
    await expect(open({ environment })).rejects.toMatchObject({ code: 'IO_ERROR' })
    environment.files.fail({ on: 'open', fault: { errno: 'ENOENT' } })
    expect((await open({ environment })).storeId).toEqual(storeId)
  })

  it('gives ids of whoever owns them, and none that has no room in a name', async () => {
    let id = 41
    const store = await open({ nextId: () => ++id })
    expect(await publish(store, [1])).toMatchObject({ id: 42 })
    expect(await publish(store, [1])).toMatchObject({ id: 43 })
    id = 9_999_999_999
    await expect(publish(store, [1])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('gives two writers at once two ids', async () => {
    const store = await open()
    const writers = await Promise.all([store.create(subject), store.create(subject)])
    const published = await Promise.all(
      writers.map(async (writer, index) => {
        await writer.write(index)
        return writer.close()
      }),
    )
    expect(new Set(published.map(({ id }) => id))).toEqual(new Set([1, 2]))
  })

  it('keeps a note in the header, outside of the digest', async () => {
    const store = await open()
    const digests = new Set<string>()
    for (const note of [undefined, new Uint8Array(), new Uint8Array(100_000).fill(3)]) {
      const creating = store.create({ ...subject, note })
      note?.fill(9)
      const writer = await creating
      await writer.write('state')
      const snapshot = await writer.close()
      digests.add(snapshot.digest)
      const reader = await store.open(snapshot)
      expect(Buffer.compare(reader.header.note, new Uint8Array(note?.length ?? 0).fill(3))).toBe(0)
      await reader.verify()
      await reader.close()
    }
    expect(digests.size).toBe(1)
    const note = new Uint8Array(MAX_NOTE_BYTES + 1)
    await expect(store.create({ ...subject, note })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('writes the same values and the same digest with any compression, and reads either', async () => {
    const values = [...numbers(30_000).map((id) => ({ id, name: `name ${id}` })), 'x'.repeat(300_000)]
    const plain = await publish(await open(), values, 1)
    const small = await publish(await open({ compression: 'zstd' }), values, 2)
    expect(small.bytes).toBeLessThan(plain.bytes / 2)
    expect(small.digest).toBe(plain.digest)
    expect(stateDigest(values)).toBe(plain.digest)
    expect(small.payloadBytes).toBe(plain.payloadBytes)
    expect(await restore(await open(), small)).toEqual(
      await restore(await open({ compression: 'zstd' }), plain),
    )
    // What zstd cannot make smaller is stored as it is.
    const random = await publish(
      await open({ compression: 'zstd' }),
      [Uint8Array.from(nodeEnvironment.random.bytes(500_000))],
      3,
    )
    expect(random.bytes).toBeLessThan(500_000 + 2000)
  })

  it('says what to do where a writer is used wrongly', async () => {
    const store = await open()
    const empty = await store.create(subject)
    await expect(empty.close()).rejects.toMatchObject({
      code: 'EMPTY_SNAPSHOT',
      path: expect.stringContaining(path) as string,
    })
    const writer = await store.create(subject)
    const all = writer.writeAll(numbers(100_000))
    expect(() => writer.write(1)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        hint: expect.stringContaining('Await') as string,
      }) as Error,
    )
    await all
    await writer[Symbol.asyncDispose]()
    expect(() => writer.write(1)).toThrow(
      expect.objectContaining({
        code: 'CLOSED',
        path: expect.stringContaining(path) as string,
        hint: expect.stringContaining('another') as string,
      }) as Error,
    )
  })

  it.each(['seq', 'time', 'machineVersion', 'epoch'] as const)('refuses what %s cannot be', async (name) => {
    const store = await open()
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) {
      await expect(store.create({ ...subject, [name]: value })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`the ${name} of a snapshot`) as string,
      })
    }
    expect(await store.list()).toEqual([])
  })

  it('hears from no snapshot under another name which store it is', async () => {
    const store = await open()
    const published = await publish(store, ['one'])
    expect((await open()).storeId).toEqual(store.storeId)
    await rename(published.path, `${path}/${snapshotName(9, 9)}`)
    const another = await open()
    expect(another.storeId).not.toEqual(store.storeId)
    const [entry] = (await another.list()) as [SnapshotEntry]
    await expect(another.open(entry)).rejects.toMatchObject({ code: 'FOREIGN_FILE' })
  })

  it('reads value by value, or in batches of which none is empty', async () => {
    const store = await open()
    const values = ['first', numbers(200_000), 'x'.repeat(600_000), 'last']
    const reader = await store.open(await publish(store, values))
    const sizes: number[] = []
    for await (const batch of reader.batches()) sizes.push(batch.length)
    expect(Math.min(...sizes)).toBeGreaterThan(0)
    const found: unknown[] = []
    for await (const value of reader.values()) found.push(value)
    expect(found).toEqual(values)
    await reader.close()
  })

  it('stores bytes alone with the codec for them', async () => {
    const codec: Codec<unknown> = bytesCodec
    const values = [Buffer.from('one'), new Uint8Array(3_000_000).fill(3), Buffer.alloc(100_000, 5)]
    const snapshot = await publish(await open({ codec }), values)
    expect(snapshot.chunks).toBeGreaterThan(3_000_000 / MAX_CHUNK_BYTES)
    const found = (await restore(await open(), snapshot)) as Uint8Array[]
    expect(found.map((value, index) => Buffer.compare(value, values[index] as Uint8Array))).toEqual([0, 0, 0])
    await expect(publish(await open({ codec }), ['text'])).rejects.toMatchObject({ code: 'NOT_SERIALIZABLE' })
  })

  it('reads what another codec wrote only with that codec', async () => {
    const codec = { ...messagePackCodec, id: 'mine-1' }
    const snapshot = await publish(await open({ codec }), ['text'])
    expect(await restore(await open({ codec }), snapshot)).toEqual(['text'])
    await expect((await open()).open(snapshot)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    const decode = () => {
      throw new TypeError('a bug')
    }
    const broken = { ...codec, decode }
    await expect(restore(await open({ codec: broken }), snapshot)).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
    })
  })

  it('writes no chunk that it could not read, whatever a codec makes of values', async () => {
    const inflating: Codec<unknown> = {
      ...messagePackCodec,
      encoder: () => {
        const encoder = messagePackCodec.encoder()
        const add = encoder.add.bind(encoder)
        encoder.add = (value) => add(value === 'small' ? 'large'.repeat(400_000) : value)
        return encoder
      },
    }
    const store = await open({ codec: inflating })
    await expect(publish(store, ['small'])).rejects.toMatchObject({
      code: 'SNAPSHOT_FAILED',
      path: expect.stringContaining(path) as string,
      hint: expect.stringContaining('codec') as string,
    })
    expect(await readdir(path)).toEqual([])
  })

  it('flushes complete chunks to the disk, and cuts none for it', async () => {
    const environment = faultyEnvironment(nodeEnvironment)
    const store = await open({ environment })
    const writer = await store.create(subject)
    await writer.write('little')
    await writer.flush()
    const [name] = (await readdir(path)) as [string]
    const sizeOf = async () => (await lstat(`${path}/${name}`)).size
    const header = await sizeOf()
    expect(header).toBeLessThan(200)
    await writer.writeAll(numbers(100_000))
    environment.files.clearLog()
    await writer.flush()
    expect(await sizeOf()).toBeGreaterThan(header + 64 * 1024)
    expect(environment.files.log.at(-1)).toMatchObject({ call: 'sync' })
    const published = await writer.close()
    expect(published).toMatchObject({ chunks: 2, digest: stateDigest(['little', ...numbers(100_000)]) })
  })

  it('lets the event loop turn behind each chunk that is written or read', async () => {
    let turns = 0
    const timers = {
      ...nodeEnvironment.timers,
      turn: (run: () => void) => {
        turns++
        nodeEnvironment.timers.turn(run)
      },
    }
    const store = await open({ environment: { ...nodeEnvironment, timers } })
    const snapshot = await publish(store, ['x'.repeat(2_000_000), ...numbers(200_000)])
    expect(snapshot.chunks).toBeGreaterThan(10)
    expect(turns).toBeGreaterThanOrEqual(snapshot.chunks - 1)
    turns = 0
    await restore(store, snapshot)
    expect(turns).toBe(snapshot.chunks)
  })

  it('syncs the file before its name, and its name before it says so', async () => {
    const environment = faultyEnvironment(nodeEnvironment)
    const store = await open({ environment })
    const writer = await store.create(subject)
    await writer.write('state')
    environment.files.clearLog()
    await writer.close()
    const calls = environment.files.log.map(({ call }) => call)
    const [written, readBack, published] = [
      'write write sync close',
      'open size read read close',
      'stat rename syncDirectory',
    ]
    expect(calls.join(' ')).toBe([written, readBack, published].join(' '))
  })

  it('tells of its time, sizes and counts where somebody listens', async () => {
    const messages: unknown[] = []
    const listen = (message: unknown) => messages.push(message)
    subscribe('holdfast:snapshot', listen)
    const { path: file, bytes } = await publish(await open(), [1, 2, 3])
    unsubscribe('holdfast:snapshot', listen)
    expect(messages).toEqual([{ ms: expect.any(Number) as number, path: file, bytes, entries: 3, chunks: 1 }])
  })

  it('says what it could not do in a directory that is closed to it', async () => {
    if (process.getuid?.() === 0) return
    await publish(await open(), [1])
    await chmod(path, 0o500)
    await expect((await open()).create(subject)).rejects.toMatchObject({ code: 'IO_ERROR' })
    await chmod(path, 0o700)
  })

  function entryOf(seq: number, id: number): SnapshotEntry {
    const name = snapshotName(seq, id)
    return { seq, id, name, path: `${path}/${name}`, bytes: 0 }
  }
})
