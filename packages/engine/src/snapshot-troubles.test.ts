import { describe, expect, it, onTestFinished } from 'vitest'
import {
  afterKill,
  bank,
  damage,
  errorLike,
  filesLike,
  openBank,
  STORE,
  testEnvironment,
  type TestEnvironment,
  turns,
} from './bank.fixture.ts'
import { open } from './open.ts'
import type { OpenOptions } from './open-options.ts'
import { openReadOnly } from './open-read-only.ts'

const MODULE = new URL('test:bank')

async function openByModule(environment: TestEnvironment, options: OpenOptions = {}) {
  environment.workers.modules.set(MODULE.href, { default: bank })
  const store = await open<typeof bank>(STORE, MODULE, { environment, ...options })
  onTestFinished(() => store.close())
  return store
}

/** The same files, and nobody sees the other's lock: as on a network file system. */
function elsewhere({ memory }: TestEnvironment): TestEnvironment {
  return testEnvironment(memory, 7)
}

describe('a writer that another one has fenced off', () => {
  it('publishes no snapshot: the state of the other is what comes back', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 'of both')
    const other = await open(STORE, bank, { environment: elsewhere(environment) })
    for (const note of ['b1', 'b2', 'b3']) await other.execute('note', note)
    await store.execute('note', 'a1').catch(() => {})
    await expect(store.snapshot()).rejects.toEqual(errorLike('FENCED'))
    expect(filesLike(environment, /snapshots/)).toEqual([])
    const again = await openReadOnly(STORE, bank, { environment: afterKill(environment) })
    expect(again.state.notes).toEqual(['of both', 'b1', 'b2', 'b3'])
    await other.close()
    await store.close().catch(() => {})
  })

  it('may have left one in the last moment: nobody takes it for the state of the other', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, bank, { environment })
    await store.execute('note', 'of both')
    const before = afterKill(environment)
    await store.execute('note', 'a1')
    await store.execute('note', 'a2')
    const { path } = await store.snapshot()
    const late = environment.memory.snapshot().get(path) as Buffer

    const other = await open(STORE, bank, { environment: before })
    for (const note of ['b1', 'b2', 'b3']) await other.execute('note', note)
    before.memory.put(path, late)
    const notes = ['of both', 'b1', 'b2', 'b3']
    const read = await openReadOnly(STORE, bank, { environment: afterKill(before) })
    expect(read.state.notes).toEqual(notes)
    const again = await open(STORE, bank, { environment: afterKill(before) })
    expect(again.state.notes).toEqual(notes)
    expect(again.report).toMatchObject({ snapshot: undefined, setAside: [] })
    await again.close()
    await other.close()
    await store.close()
  })
})

describe('a snapshot that turns out to be damaged while the next one is made', () => {
  it.each(['worker', 'blocking'] as const)(
    'counts no longer, and the one before it stays: %s',
    async (mode) => {
      const environment = testEnvironment()
      const store = await openByModule(environment, {
        segmentBytes: 4096,
        snapshot: { mode },
        verifySnapshots: 'replay',
      })
      const warnings: unknown[] = []
      store.events.on('warning', (error) => warnings.push(error))
      const taken: string[] = []
      for (let i = 0; i < 3; i++) {
        for (let n = 0; n < 50; n++) await store.execute('note', `${i} ${n} ${'x'.repeat(100)}`)
        if (i === 2) damage(environment, /\.snap$/)
        taken.push((await store.snapshot()).name)
      }
      const damaged = store.stats().snapshots.kept.map(({ name }) => name)
      expect(damaged).toEqual([taken[2], taken[0]])
      expect(warnings).toEqual([errorLike('SNAPSHOT_CORRUPT', { seq: 100 })])
      expect(filesLike(environment, /\.snap$/)).toEqual(
        [taken[0], taken[2]].map((name) => `${STORE}/snapshots/${name}`),
      )
      const { state } = store
      await store.close()
      damage(environment, /\.snap$/)
      const again = await open(STORE, bank, { environment })
      expect(again.report).toMatchObject({ snapshot: { seq: 50 }, replay: { records: 100 } })
      expect(again.state).toEqual(state)
      await again.close()
    },
  )
})

describe('a snapshot that was found damaged before there are as many as are kept', () => {
  it('is none of them: nothing is deleted until there are', async () => {
    const { store, environment } = await openBank({
      segmentBytes: 4096,
      snapshot: { keep: 3 },
      verifySnapshots: 'replay',
    })
    const take = async (): Promise<number[]> => {
      for (let n = 0; n < 100; n++) await store.execute('note', n)
      await store.snapshot()
      return store.stats().snapshots.kept.map(({ seq }) => seq)
    }
    await take()
    await take()
    damage(environment, /200-.*\.snap$/)
    // All of the log is there: what is kept may turn out to be damaged as well.
    expect(await take()).toEqual([300, 100])
    expect(store.stats().log.firstSeq).toBe(1)
    expect(filesLike(environment, /\.snap$/)).toHaveLength(3)
    expect(await take()).toEqual([400, 300, 100])
    expect(store.stats().log.firstSeq).toBeGreaterThan(1)
    expect(filesLike(environment, /\.snap$/)).toHaveLength(3)
    expect(filesLike(environment, /200-.*\.snap$/)).toEqual([])
  })
})

describe('a store whose files can no longer be read', () => {
  it.each([
    ['SNAPSHOT_CORRUPT', /\.snap$/],
    ['CORRUPT', /\.wal$/],
  ])('has its next snapshot out of the state, and opens with it: %s', async (code, damaged) => {
    const environment = testEnvironment()
    const store = await openByModule(environment, { segmentBytes: 4096 })
    const warnings: unknown[] = []
    store.events.on('warning', (error) => warnings.push(error))
    for (let n = 0; n < 3; n++) {
      for (let i = 0; i < 100; i++) await store.execute('note', 'x'.repeat(100))
      if (n < 2) await store.snapshot()
    }
    // The last segment is needed: there is no snapshot of what comes.
    const files = filesLike(environment, damaged)
    for (const path of code === 'CORRUPT' ? files.slice(0, -1) : files) damage(environment, new RegExp(path))
    const { seq } = await store.snapshot()
    expect(seq).toBe(300)
    expect(warnings).toEqual([errorLike(code)])
    const { state } = store
    await store.execute('note', 'last')
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.report).toMatchObject({ snapshot: { seq: 300 }, replay: { records: 1 } })
    expect(again.state).toEqual(state)
    await again.close()
  })
})

describe.each(['worker', 'blocking'] as const)('a %s snapshot beside damaged ones', (mode) => {
  it('counts, where there is nothing left to compare it with, and nothing is deleted before the next one', async () => {
    const environment = testEnvironment()
    const store = await openByModule(environment, {
      segmentBytes: 4096,
      snapshot: { mode },
      verifySnapshots: 'replay',
    })
    const [warnings, modes]: [unknown[], string[]] = [[], []]
    store.events.on('warning', (error) => warnings.push(error))
    store.events.on('snapshot', (taken) => modes.push(taken.mode))
    const note = async (): Promise<void> => {
      for (let i = 0; i < 60; i++) await store.execute('note', 'x'.repeat(100))
    }
    for (let n = 0; n < 3; n++) {
      await note()
      if (n < 2) await store.snapshot()
    }
    const [sound, damaged] = filesLike(environment, /\.snap$/) as [string, string]
    damage(environment, new RegExp(damaged))
    // One that lies between the sound one and the end.
    const sealed = filesLike(environment, /\.wal$/).at(-2) as string
    damage(environment, new RegExp(sealed))
    const segments = filesLike(environment, /\.wal$/)
    const { seq } = await store.snapshot()
    expect(seq).toBe(180)
    expect(warnings).toContainEqual(errorLike('CORRUPT'))
    await store.snapshot()
    expect(filesLike(environment, /\.snap$|\.wal$/)).toEqual(
      expect.arrayContaining([sound, damaged, ...segments]),
    )
    expect(modes.at(-1)).toBe('blocking')
    await note()
    await store.snapshot()
    expect(modes.at(-1)).toBe(mode)
    expect(filesLike(environment, /\.snap$/)).not.toContain(sound)
    const again = await open(STORE, bank, { environment: afterKill(environment) })
    expect(again.state).toEqual(store.state)
    await again.close()
  })
})

describe('a copy of a snapshot under another name', () => {
  it('is not the one that it is a copy of: that goes on counting', async () => {
    const environment = testEnvironment()
    const store = await openByModule(environment)
    const warnings: unknown[] = []
    store.events.on('warning', (error) => warnings.push(error))
    await store.execute('note', 1)
    const { path, name } = await store.snapshot()
    await store.execute('note', 2)
    // The same id, and a sequence that lies before the next snapshot.
    const copy = path.replace(/0000000001-(\d+)\.snap$/, '0000000002-$1.snap')
    environment.memory.put(copy, environment.memory.snapshot().get(path) as Buffer)
    await store.snapshot()
    expect(warnings).toEqual([])
    expect(store.stats().snapshots.kept.map((kept) => kept.seq)).toEqual([2, 1])
    expect(filesLike(environment, /\.snap$/)).toContain(`${STORE}/snapshots/${name}`)
  })
})

describe('what opening was given', () => {
  it('has ended with it: neither its signal nor its progress has anything to do with snapshots', async () => {
    const controller = new AbortController()
    let reports = 0
    const { store } = await openBank({
      signal: controller.signal,
      onProgress: () => (reports += 1),
      verifySnapshots: 'replay',
    })
    const atOpening = reports
    controller.abort()
    await store.execute('note', 1)
    expect(await store.snapshot()).toMatchObject({ seq: 1 })
    expect(reports).toBe(atOpening)
  })
})

describe('a snapshot that counts', () => {
  it('is no failure where what it replaces cannot be deleted: that goes with the next one', async () => {
    const { store, environment } = await openBank()
    const [failures, warnings]: [unknown[], unknown[]] = [[], []]
    store.events.on('snapshotFailed', (error) => failures.push(error))
    store.events.on('warning', (error) => warnings.push(error))
    for (let i = 1; i <= 4; i++) {
      await store.execute('note', i)
      if (i === 3) environment.files.fail({ on: 'unlink', path: /\.snap$/, fault: { errno: 'EACCES' } })
      expect(await store.snapshot()).toMatchObject({ seq: i })
    }
    expect(failures).toEqual([])
    expect(warnings).toEqual([errorLike('IO_ERROR')])
    expect(store.stats().snapshots).toMatchObject({ taken: 4, failed: 0, consecutiveFailures: 0 })
    expect(filesLike(environment, /\.snap$/)).toHaveLength(2)
  })
})

describe('a snapshot that cannot be deleted', () => {
  it('keeps no other from being deleted, and goes once it can be', async () => {
    const { store, environment } = await openBank()
    const warnings: unknown[] = []
    store.events.on('warning', (error) => warnings.push(error))
    const take = async (count: number): Promise<string[]> => {
      const paths: string[] = []
      for (let i = 0; i < count; i++) {
        await store.execute('note', i)
        paths.push((await store.snapshot()).path)
      }
      return paths
    }
    const [first = ''] = await take(1)
    const rule = environment.files.fail({
      on: 'unlink',
      path: new RegExp(first),
      times: Infinity,
      fault: { errno: 'EACCES' },
    })
    const kept = (await take(5)).slice(-2)
    expect(filesLike(environment, /\.snap$/)).toEqual([first, ...kept])
    // With each of those behind the second, again.
    expect(warnings).toEqual(Array(4).fill(errorLike('IO_ERROR')))
    rule.remove()
    await store.snapshot()
    expect(filesLike(environment, /\.snap$/)).toEqual(kept)
  })
})

describe('closing', () => {
  it('begins no snapshot that the policy only wanted', async () => {
    const { store, environment } = await openBank({ snapshot: { everyRecords: 3 } })
    let goOn: (() => void) | undefined
    const hang = new Promise<void>((resolve) => {
      goOn = resolve
    })
    await store.execute('note', 0)
    environment.files.fail({ on: 'sync', path: /snapshots/, fault: { hang } })
    const asked = store.snapshot()
    for (let i = 1; i < 5; i++) await store.execute('note', i)
    const closed = store.close()
    await turns(environment)
    goOn?.()
    await Promise.all([asked, closed])
    expect(store.stats().snapshots).toMatchObject({ taken: 1, failed: 0, kept: [{ seq: 1 }] })
    expect(filesLike(environment, /store\/snapshots/)).toHaveLength(1)
  })

  it('waits for one that is overdue: a process that lives for a short time has its snapshots, too', async () => {
    const environment = testEnvironment()
    for (let life = 0; life < 4; life++) {
      const store = await openByModule(environment, { snapshot: { everyRecords: 20 } })
      const calls = Array.from({ length: 15 }, (_, i) => ['note', `${life} ${i}`] as const)
      await store.executeAll(calls)
      await store.close()
    }
    expect(filesLike(environment, /\.snap$/).length).toBeGreaterThan(0)
    expect(filesLike(environment, /tmp/)).toEqual([])
  })
})
