import { ManualTimers, SimulatedEnvironment, survivalNamed } from '@holdfast/testing/environment'
import { describe, expect, it, vi } from 'vitest'
import {
  afterKill,
  bank,
  bytesOf,
  errorLike,
  filesLike,
  openBank,
  STORE,
  testEnvironment,
  turns,
} from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { encodeManifest, type Manifest, readManifest } from '@holdfast/wal'
import { open } from './open.ts'
import { openReadOnly } from './open-read-only.ts'
import { Refusal } from './refusal.ts'

describe('backup', () => {
  it('is a store of its own with everything that was executed before', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    for (let i = 0; i < 300; i++) await store.execute('note', i)
    await store.snapshot()
    for (let i = 0; i < 100; i++) await store.execute('note', i, { durability: 'os' })
    const result = await store.backup('/backups/one')
    expect(result).toMatchObject({ path: '/backups/one', seq: 400 })
    const inside = [...environment.memory.snapshot()].filter(([path]) => path.startsWith('/backups/one/'))
    expect(result.files).toBe(inside.length)
    expect(result.bytes).toBe(inside.reduce((sum, [, { length }]) => sum + length, 0))
    const copy = await open('/backups/one', bank, { environment })
    expect(copy.state).toEqual(store.state)
    expect(copy.report).toMatchObject({
      snapshot: { seq: 300 },
      replay: { records: 100 },
      log: { survivors: undefined, tail: undefined },
    })
    await copy.execute('note', 'goes on')
    await copy.close()
  })

  it('survives a power cut once it is there', async () => {
    const environment = new SimulatedEnvironment({ seed: 1 })
    const store = await open(STORE, bank, { environment, segmentBytes: 4096 })
    for (let i = 0; i < 100; i++) await store.execute('note', i)
    await store.snapshot()
    await store.execute('note', 'behind the snapshot')
    await store.backup('/backups/one')
    const disk = environment.disk.afterPowerCut(survivalNamed('nothing'))
    const copy = await open('/backups/one', bank, {
      environment: new SimulatedEnvironment({ disk, seed: 2 }),
    })
    expect(copy.report).toMatchObject({ setAside: [], snapshot: { seq: 100 } })
    expect(copy.state).toEqual(store.state)
    await copy.close()
    await store.close()
  })

  it('is taken while writes go on, and is a prefix of them', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096, snapshot: { everyRecords: 50 } })
    let done = false
    const writing = (async () => {
      for (let i = 0; !done; i++) await store.execute('note', i)
    })()
    for (let n = 0; n < 5; n++) {
      const least = store.appliedSeq
      const { path, seq } = await store.backup(`/backups/${n}`)
      expect(seq).toBeGreaterThanOrEqual(least)
      const copy = await openReadOnly(path, bank, { environment })
      expect(copy.appliedSeq).toBe(seq)
      expect(copy.state.notes).toEqual(Array.from({ length: seq }, (_, i) => i))
    }
    done = true
    await writing
  })

  it('that does not come to an end holds up neither snapshots nor retention: what it copies stays for it', async () => {
    const { store, environment } = await openBank({ segmentBytes: 4096 })
    for (let n = 0; n < 3; n++) {
      for (let i = 0; i < 100; i++) await store.execute('note', i)
      await store.snapshot()
    }
    const kept = store.stats().snapshots.kept.map(({ name }) => `${STORE}/snapshots/${name}`)
    const segments = filesLike(environment, /\.wal$/)
    // The first snapshot is copied, the second not yet.
    let release = (): void => {}
    const hang = new Promise<void>((resolve) => {
      release = resolve
    })
    const rule = environment.files.fail({
      on: 'open',
      path: /^\/backup\/snapshots/,
      nth: 2,
      fault: { hang },
    })
    const backup = store.backup('/backup')
    await vi.waitUntil(() => rule.hits === 1)
    for (let n = 0; n < 3; n++) {
      for (let i = 0; i < 100; i++) await store.execute('note', i)
      await store.snapshot()
    }
    const { snapshots, log } = store.stats()
    expect(snapshots.kept.map(({ seq }) => seq)).toEqual([600, 500])
    expect(filesLike(environment, /\.snap$/)).toEqual(expect.arrayContaining(kept))
    expect(filesLike(environment, /store.*\.wal$/)).toEqual(expect.arrayContaining(segments))
    expect(log.pins).toMatchObject([{ owner: 'a backup' }])
    const { state } = store
    release()
    expect(await backup).toMatchObject({ seq: 600 })
    const copy = await open('/backup', bank, { environment })
    expect(copy.report.snapshot?.seq).toBe(300)
    expect(copy.state).toEqual(state)
    await copy.close()
    // They go with the next.
    await store.snapshot()
    expect(filesLike(environment, /store.*\.snap$/)).toHaveLength(2)
    expect(filesLike(environment, /store.*\.wal$/)).not.toEqual(expect.arrayContaining(segments))
    expect(store.stats().log.pins).toEqual([])
  })

  it('opens where the store could not note what it had trimmed', async () => {
    const options = { segmentBytes: 4096, snapshot: { mode: 'blocking' } } as const
    const { store, environment } = await openBank(options)
    const warnings: unknown[] = []
    store.events.on('warning', (error) => warnings.push(error))
    const note = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await store.execute('note', i)
    }
    await note(200)
    await store.snapshot()
    await note(3)
    // The second snapshot is named, and then the log is trimmed up to the first.
    environment.files.fail({ on: 'write', path: /MANIFEST\..*tmp$/, nth: 2, fault: { errno: 'ENOSPC' } })
    await store.snapshot()
    expect(warnings).toEqual([errorLike('NO_SPACE')])
    expect(store.stats().log.firstSeq).toBeGreaterThan(1)
    await note(20)
    await store.backup('/backup')
    const copy = await open('/backup', bank, { environment })
    expect(copy.state).toEqual(store.state)
    await copy.close()
  })

  const floor = (version: number, lowest: number) =>
    defineMachine({
      version,
      initial: () => ({ balance: 5 }),
      commands: {
        move(state, amount: number) {
          if (state.balance + amount < lowest) throw new Refusal('TOO_LOW')
          state.balance += amount
        },
      },
      upgrade: {},
    })

  it.each([
    ['at once', 0],
    ['behind the mark that it writes once it is idle', 1000],
  ])('has what its last command came to, where it is taken %s', async (_, ms) => {
    const memory = testEnvironment()
    const timers = new ManualTimers(memory.clock)
    const environment = { ...memory, timers }
    const store = await open(STORE, floor(1, 0), { environment })
    await store.execute('move', 1)
    await expect(store.execute('move', -9)).rejects.toThrow(Refusal)
    await turns(environment)
    const { appendedBytes } = store.stats().log
    timers.advance(ms)
    await turns(environment)
    expect(store.stats().log.appendedBytes > appendedBytes).toBe(ms > 0)
    await store.backup('/backup')
    const copy = await open('/backup', floor(2, -100), { environment })
    expect(copy.state).toEqual(store.state)
    await copy.close()
    await store.close()
  })

  it.each([
    ['a write', 'disk', 1],
    ['a sync', 'os', 1],
    ['the mark', 'disk', 2],
  ] as const)(
    'has it, too, where %s had failed, and what was not durable was written again',
    async (_, durability, nth) => {
      const memory = testEnvironment()
      const timers = new ManualTimers(memory.clock)
      const environment = { ...memory, timers }
      const store = await open(STORE, floor(1, 0), { environment, syncIntervalMs: 1000 })
      let moves = 0
      store.events.on('moved', () => (moves += 1))
      await store.execute('move', 1)
      environment.files.fail({
        on: durability === 'os' ? 'sync' : 'writeThrough',
        path: /store.*\.wal/,
        nth,
        fault: { errno: 'EIO' },
      })
      await expect(store.execute('move', -9, { durability })).rejects.toThrow(Refusal)
      await store.sync()
      await turns(environment)
      timers.advance(1000)
      await turns(environment)
      expect(moves).toBe(1)
      await store.backup('/backup')
      const killed = afterKill(memory)
      for (const [path, where] of [
        ['/backup', environment],
        [STORE, killed],
      ] as const) {
        const copy = await open(path, floor(2, -100), { environment: where })
        expect(copy.state).toEqual(store.state)
        await copy.close()
      }
      await store.close()
    },
  )

  it('has a segment that was sealed in the last moment of a process, as it is and not as the manifest has it', async () => {
    const options = { segmentBytes: 4096 }
    const { store, environment } = await openBank(options)
    for (let i = 0; i < 200; i++) await store.execute('note', i)
    await store.snapshot()
    await store.execute('note', 200)
    const killed = afterKill(environment)
    const manifest = (await readManifest(killed, STORE)) as Manifest
    // Noted when it had ended, and before it was cut behind its footer.
    const segments = manifest.segments.map(({ footerOffset, ...segment }) => ({
      ...segment,
      ...(footerOffset === undefined ? {} : { bytes: 65_536 }),
    }))
    killed.memory.put(`${STORE}/MANIFEST`, encodeManifest({ ...manifest, segments }, 7))
    const { store: again } = await openBank(options, killed)
    expect(again.report.snapshot?.seq).toBe(200)
    await again.backup('/backup')
    const copy = await open('/backup', bank, { environment: killed })
    expect(copy.state).toEqual(store.state)
    const seen: number[] = []
    for await (const { seq } of copy.changes({ from: 1 })) if (seen.push(seq) === 201) break
    await copy.close()
  })

  it('ends beside callers who never stop', async () => {
    const { store, environment } = await openBank()
    const before = (): Promise<void> => new Promise(setImmediate)
    environment.files.fail({ on: 'writeThrough', path: /\.wal/, times: Infinity, fault: { before } })
    let stopped = false
    // Each comes back a little later than the log looks whether there is more: there is never a pause, and never a queue.
    const calling = (async () => {
      for (let i = 0; !stopped && i < 5000; i++) {
        await store.execute('note', i)
        for (let turn = 0; turn < 8; turn++) await Promise.resolve()
      }
    })()
    await store.backup('/backup')
    stopped = true
    await calling
    expect(store.appliedSeq).toBeLessThan(500)
  })

  it('of an empty store is an empty store', async () => {
    const { store, environment } = await openBank()
    await store.backup('/backups/empty')
    const copy = await open('/backups/empty', bank, { environment })
    await expect(copy.execute('note', 1)).resolves.toBe(1)
    await copy.close()
  })

  it('goes into a new or an empty directory only', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    await environment.files.makeDirectory('/empty')
    await store.backup('/empty')
    const before = bytesOf(environment)
    await expect(store.backup('/empty')).rejects.toThrow(errorLike('NOT_EMPTY'))
    await expect(store.backup(STORE)).rejects.toThrow(errorLike('NOT_EMPTY'))
    await expect(store.backup(`${STORE}/backup`)).rejects.toThrow(errorLike('INVALID_ARGUMENT'))
    expect([...environment.memory.snapshot()].filter(([path]) => path.includes(`${STORE}/backup`))).toEqual(
      [],
    )
    expect(bytesOf(environment)).toEqual(before)
  })

  it('that fails has no manifest, and is no store', async () => {
    const { store, environment } = await openBank()
    await store.execute('note', 1)
    environment.files.fail({ on: 'write', path: /^\/backup/, fault: { errno: 'ENOSPC' } })
    await expect(store.backup('/backup')).rejects.toThrow(errorLike('NO_SPACE'))
    await expect(openReadOnly('/backup', bank, { environment })).rejects.toThrow(
      errorLike('MANIFEST_MISSING'),
    )
    await expect(store.execute('note', 2)).resolves.toBe(2)
  })

  it('tells of its loss: a copy that lost its end on the way is refused', async () => {
    const { store, environment } = await openBank()
    for (let i = 0; i < 10; i++) await store.execute('note', i)
    await store.backup('/backup')
    const [segment, bytes] = [...environment.memory.snapshot()].find(([path]) =>
      path.startsWith('/backup/wal'),
    ) as [string, Buffer]
    // The mark at its end says nothing that could be missed.
    environment.memory.put(segment, bytes.subarray(0, bytes.length - 120))
    await expect(open('/backup', bank, { environment })).rejects.toThrow(errorLike('CORRUPT'))
  })
})
