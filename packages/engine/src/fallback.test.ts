import { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import {
  afterKill,
  bank,
  bytesOf,
  damage,
  errorLike,
  filesLike,
  openBank,
  STORE,
  testEnvironment,
  turns,
} from './bank.fixture.ts'
import { open } from './open.ts'

describe('falling back', () => {
  async function withTwoSnapshots() {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    for (let i = 0; i < 300; i++) await store.execute('note', i)
    await store.snapshot()
    for (let i = 300; i < 600; i++) await store.execute('note', i)
    await store.snapshot()
    for (let i = 600; i < 650; i++) await store.execute('note', i)
    return { store, environment: afterKill(environment) }
  }

  it('to an older snapshot, with the reason; the next snapshot replaces the damaged one', async () => {
    const { store, environment } = await withTwoSnapshots()
    const damaged = damage(environment, /\.snap$/)
    const again = await open(STORE, bank, { environment })
    expect(again.state).toEqual(store.state)
    expect(again.report).toMatchObject({
      snapshot: { seq: 300 },
      setAside: [{ seq: 600, path: damaged, error: { code: 'SNAPSHOT_CORRUPT' } }],
    })
    expect(filesLike(environment, /\.snap$/)).toContain(damaged)
    const { seq } = await again.snapshot()
    expect(again.stats().snapshots.kept.map((kept) => kept.seq)).toEqual([seq, 300])
    expect(filesLike(environment, /\.snap$/)).not.toContain(damaged)
    await again.close()
  })

  it('when the newest is missing', async () => {
    const { store, environment } = await withTwoSnapshots()
    const [, newest] = filesLike(environment, /\.snap$/)
    await environment.files.unlink(newest as string)
    const again = await open(STORE, bank, { environment })
    expect(again.state).toEqual(store.state)
    expect(again.report.setAside).toMatchObject([{ seq: 600, entry: undefined }])
    await again.close()
  })

  it('is not needed where copies of a snapshot stand under other names, and those are left alone', async () => {
    const { store, environment } = await withTwoSnapshots()
    const [, newest = ''] = filesLike(environment, /\.snap$/)
    const bytes = environment.memory.snapshot().get(newest) as Buffer
    const copies = [7, 100_000].map((seq) => newest.replace(/\d{20}/, String(seq).padStart(20, '0')))
    for (const copy of copies) environment.memory.put(copy, bytes)
    const again = await open(STORE, bank, { environment })
    expect(again.stats().snapshots.kept.map(({ seq }) => seq)).toEqual([600, 300])
    await again.execute('note', 'later')
    await again.snapshot()
    await again.close()
    const files = filesLike(environment, /\.snap$/)
    expect(files).toEqual(expect.arrayContaining([newest, ...copies]))
    const last = await open(STORE, bank, { environment })
    expect(last.state.notes).toEqual([...store.state.notes, 'later'])
    await last.close()
  })

  it('when a sector of the newest cannot be read; but not for want of file descriptors', async () => {
    const { store, environment } = await withTwoSnapshots()
    const rule = environment.files.fail({
      on: 'read',
      path: /600-.*\.snap$/,
      times: Infinity,
      fault: { errno: 'EIO' },
    })
    const again = await open(STORE, bank, { environment })
    expect(again.state).toEqual(store.state)
    await again.close()
    rule.remove()
    const before = bytesOf(environment)
    environment.files.fail({ on: 'open', path: /600-.*\.snap$/, fault: { errno: 'EMFILE' } })
    await expect(open(STORE, bank, { environment })).rejects.toThrow(errorLike('IO_ERROR'))
    expect(bytesOf(environment)).toEqual(before)
  })

  it('is refused, with nothing changed, where the log does not go back far enough', async () => {
    const { environment } = await withTwoSnapshots()
    for (const path of filesLike(environment, /\.snap$/)) {
      const bytes = environment.memory.snapshot().get(path) as Buffer
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
      environment.memory.put(path, bytes)
    }
    const before = bytesOf(environment)
    const opening = open(STORE, bank, { environment })
    await expect(opening).rejects.toThrow(errorLike('SNAPSHOT_CORRUPT', { seq: 1 }))
    await expect(opening).rejects.toThrow(/2 set aside/)
    expect(bytesOf(environment)).toEqual(before)
  })

  it('never takes a snapshot for another one: the manifest knows its digest', async () => {
    const { store, environment } = await withTwoSnapshots()
    // The older snapshot in the newer one's place, under its name.
    const [older, newer] = filesLike(environment, /\.snap$/) as [string, string]
    environment.memory.put(newer, environment.memory.snapshot().get(older) as Buffer)
    const again = await open(STORE, bank, { environment })
    expect(again.state).toEqual(store.state)
    expect(again.report.setAside).toMatchObject([{ seq: 600 }])
    await again.close()
  })

  it('leaves alone what belongs to somebody else, and deletes what a crash kept from being deleted', async () => {
    const { environment } = await withTwoSnapshots()
    const { store: other, environment: elsewhere } = await openBank(
      {},
      testEnvironment(new MemoryFileSystem(), 5),
    )
    await other.execute('note', 1)
    const foreign = await other.snapshot()
    const strangers = elsewhere.memory.snapshot().get(foreign.path) as Buffer
    environment.memory.put(foreign.path, strangers)
    const { store: third, environment: before } = await openBank(
      { snapshot: { keep: 3 } },
      afterKill(environment),
    )
    await third.snapshot()
    const unnamed = filesLike(before, /\.snap$/)
    const killed = afterKill(before)
    await third.close()
    const again = await open(STORE, bank, { environment: killed, snapshot: { keep: 2 } })
    await turns(killed)
    expect(unnamed).toHaveLength(4)
    expect(filesLike(killed, /\.snap$/)).toHaveLength(3)
    expect(killed.memory.snapshot().get(foreign.path)).toEqual(strangers)
    await again.close()
  })
})
