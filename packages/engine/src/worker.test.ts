import { bytesCodec, messagePackCodec } from '@holdfast/codec'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ManualTimers, temporaryDirectory, type WorkerFault } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  afterKill,
  type Bank,
  bank,
  bytesOf,
  errorLike,
  filesLike,
  STORE,
  testEnvironment,
  type TestEnvironment,
  turns,
} from './bank.fixture.ts'
import { type AnyMachine, defineMachine } from './machine.ts'
import { open } from './open.ts'
import type { OpenOptions } from './open-options.ts'
import { openReadOnly } from './open-read-only.ts'
import { Refusal } from './refusal.ts'
import type { Store } from './store.ts'
import type { Trouble } from './troubled-machine.fixture.ts'

const MODULE = new URL('bank-machine.fixture.ts', import.meta.url)
const TROUBLED = new URL('troubled-machine.fixture.ts', import.meta.url)

async function inDirectory(): Promise<string> {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(() => remove())
  return path
}

/** Commands of which some are refused, one after the other. */
async function work(store: Pick<Store, 'execute'>, from: number, count: number): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const [name, argument] =
      i % 5 === 4
        ? ['transfer', { from: `account ${i % 3}`, to: 'shop', amount: i * 3 }]
        : ['deposit', { to: `account ${i % 3}`, amount: i }]
    await store.execute(name as never, argument as never).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
    })
  }
}

/** A machine that is there under a URL without a file. */
function moduleOf(
  environment: TestEnvironment,
  machine: AnyMachine,
  others: Record<string, unknown> = {},
): URL {
  const url = new URL(`test:machine-${environment.workers.modules.size}`)
  environment.workers.modules.set(url.href, { default: machine, ...others })
  return url
}

/** A bank whose snapshots are taken beside it, in this thread. */
async function openHere(
  environment: TestEnvironment = testEnvironment(),
  machine: AnyMachine = bank,
  options: OpenOptions = {},
) {
  const store = await open(STORE, moduleOf(environment, machine), {
    environment,
    segmentBytes: 4096,
    ...options,
  })
  onTestFinished(() => store.close())
  return { store, environment }
}

describe('a snapshot that a thread takes', () => {
  it('is of the sequence at which it was asked for, while the store goes on', async () => {
    const path = await inDirectory()
    const store = await open<typeof bank>(path, MODULE, { segmentBytes: 4096 })
    await work(store, 0, 100)
    const taken = store.snapshot()
    await work(store, 100, 50)
    const first = await taken
    expect(first.seq).toBe(100)
    await work(store, 150, 20)
    const second = await store.snapshot()
    expect(store.stats().snapshots).toMatchObject({ mode: 'worker', taken: 2, failed: 0 })
    expect((await readdir(join(path, 'snapshots'))).sort()).toEqual([first.name, second.name])
    const { state } = store
    await store.close()

    const again = await open(path, bank, { verifySnapshots: 'replay' })
    expect(again.report).toMatchObject({ snapshot: { seq: 170, digest: second.digest }, setAside: [] })
    expect(again.state).toEqual(state)
    await work(again, 170, 10)
    await again.snapshot()
    await again.close()
  })

  it.each<[Trouble, ReturnType<typeof errorLike>]>([
    ['leaves', errorLike('WORKER_FAILED')],
    ['throws', errorLike('DIVERGED', { seq: 2 })],
  ])('costs a snapshot and nothing else where its thread %s', async (trouble, error) => {
    const path = await inDirectory()
    const store = await open(path, TROUBLED)
    const events: unknown[] = []
    store.events.on('snapshotFailed', (failure) => events.push(failure))
    await store.execute('add', 1)
    await store.execute('trouble', trouble)
    await expect(store.snapshot()).rejects.toEqual(error)
    expect(events).toEqual([error])
    await store.execute('add', 2)
    expect(store.stats().snapshots).toMatchObject({ taken: 0, failed: 1, lastError: error })
    expect(await readdir(join(path, 'snapshots')).catch(() => [])).toEqual([])
    await store.close()
    const again = await open(path, TROUBLED, { snapshot: { mode: 'blocking' } })
    expect(again.state).toEqual({ values: [1, 2] })
    expect(await again.snapshot()).toMatchObject({ seq: 3 })
    await again.close()
  })

  it('is the one that would be written out of the state', async () => {
    const digests: string[] = []
    for (const mode of ['worker', 'blocking'] as const) {
      const { store } = await openHere(testEnvironment(), bank, { snapshot: { mode } })
      await work(store, 0, 30)
      await store.snapshot()
      await work(store, 30, 30)
      digests.push((await store.snapshot()).digest)
    }
    expect(digests[1]).toBe(digests[0])
  })

  it.each(['dies', 'hangs'] as const)(
    'leaves nothing where its thread %s, after whichever call',
    { tags: ['long'] },
    async (how) => {
      const outcomes: unknown[] = []
      for (let afterCalls = 0; outcomes.at(-1) !== true; afterCalls++) {
        const environment = testEnvironment()
        const timers = new ManualTimers(environment.clock)
        const { store } = await openHere({ ...environment, timers })
        await work(store, 0, 8)
        await store.snapshot()
        await work(store, 8, 8)
        const before = filesLike(environment, /snapshots/)
        const fault: WorkerFault = { how, afterCalls }
        environment.workers.fault = fault
        void store
          .snapshot()
          .then(({ name }) => before.push(`${STORE}/snapshots/${name}`))
          .then(
            () => outcomes.push(true),
            (error: unknown) => outcomes.push(error),
          )
        while (outcomes.length === afterCalls) {
          await turns(environment, 1)
          if (how === 'hangs') timers.advance(1000)
        }
        expect(filesLike(environment, /snapshots/)).toEqual(before)
        await work(store, 16, 4)
        expect(await store.snapshot()).toMatchObject({ seq: 20 })
        expect(filesLike(environment, /tmp/)).toEqual([])
        const again = await openReadOnly(STORE, bank, { environment: afterKill(environment) })
        expect(again.state).toEqual(store.state)
        await store.close()
      }
      outcomes.pop()
      expect(outcomes.length).toBeGreaterThan(20)
      expect(outcomes).toEqual(outcomes.map(() => errorLike('WORKER_FAILED')))
    },
  )

  it('is not taken by another version of the machine, which a deployment has put there', async () => {
    const { store, environment } = await openHere()
    await work(store, 0, 5)
    for (const module of environment.workers.modules.keys())
      environment.workers.modules.set(module, { default: { ...bank, version: 2, upgrade: {} } })
    await expect(store.snapshot()).rejects.toEqual(errorLike('SNAPSHOT_FAILED'))
    expect(filesLike(environment, /\.snap/)).toEqual([])
  })

  it('is taken under the outcomes that commands of an older machine had', async () => {
    const old = defineMachine({
      version: 1,
      initial: () => ({ sum: 0 }),
      commands: {
        add(state, amount: number) {
          if (amount > 5) throw new Refusal('TOO_MUCH')
          state.sum += amount
        },
      },
    })
    const current = defineMachine({
      version: 2,
      initial: () => ({ total: 0 }),
      commands: {
        add(state, amount: number) {
          state.total += amount
        },
      },
      upgrade: { state: (state) => ({ total: (state as { sum: number }).sum }) },
    })
    const environment = testEnvironment()
    const first = await open(STORE, old, { environment })
    for (const amount of [1, 9, 2]) await first.execute('add', amount).catch(() => {})
    const killed = afterKill(environment)
    const { store } = await openHere(killed, current)
    const taken = await new Promise((resolve) => {
      store.events.once('snapshot', resolve)
    })
    expect(taken).toMatchObject({ seq: 3, mode: 'worker' })
    const again = await openReadOnly(STORE, current, { environment: afterKill(killed) })
    expect(again.report).toMatchObject({ snapshot: { seq: 3, machineVersion: 2 }, replay: { records: 0 } })
    expect(again.state).toEqual({ total: 3 })
    await first.close()
  })

  it('is taken at once after opening, and where nothing has happened yet', async () => {
    const { store, environment } = await openHere()
    expect(await store.snapshot()).toMatchObject({ seq: 0 })
    await store.execute('note', 'one')
    await store.close()
    const { store: again } = await openHere(afterKill(environment))
    expect(await again.snapshot()).toMatchObject({ seq: 1 })
  })

  it('has the time and the outcomes of its moment', async () => {
    const { store, environment } = await openHere()
    await work(store, 0, 5)
    environment.clock.advance(1000)
    await work(store, 5, 5)
    const { lastTime } = store.state as Bank
    const { seq } = await store.snapshot()
    const again = await openReadOnly(STORE, bank, { environment: afterKill(environment) })
    expect(again.report.snapshot).toMatchObject({ seq, time: lastTime })
    const refused: number[] = []
    for await (const change of store.changes({ from: 1 })) {
      if (change.refused) refused.push(change.seq)
      if (change.seq === seq) break
    }
    expect(refused).toEqual([5, 10])
  })

  it('waits for what is not durable yet', async () => {
    const { store, environment } = await openHere(testEnvironment(), bank, { durability: 'os' })
    await work(store, 0, 5)
    expect(store.durableSeq).toBe(0)
    const { workers } = environment
    const load = workers.load.bind(workers)
    const durable: number[] = []
    workers.load = (module) => {
      durable.push(store.durableSeq)
      return load(module)
    }
    expect(await store.snapshot()).toMatchObject({ seq: 5 })
    expect(durable).toEqual([5])
    expect(workers.started).toBe(1)
  })
})

describe('a store that is closed while a thread takes a snapshot', () => {
  async function underWay(byPolicy: boolean) {
    const { store, environment } = await openHere(testEnvironment(), bank, {
      snapshot: { everyRecords: byPolicy ? 5 : 1000 },
    })
    const failures: unknown[] = []
    store.events.on('snapshotFailed', (error) => failures.push(error))
    if (byPolicy) environment.workers.fault = { how: 'hangs', afterCalls: 25 }
    await work(store, 0, 5)
    const taken = byPolicy ? undefined : store.snapshot()
    await turns(environment, byPolicy ? 100 : 2)
    expect(environment.workers.started).toBe(1)
    const during = filesLike(environment, /\.snap/)
    await store.close()
    return { store, environment, taken, failures, during }
  }

  it('does not wait for one that nobody asked for', async () => {
    const { store, environment, failures, during } = await underWay(true)
    expect(during).toHaveLength(1)
    expect(store.stats().snapshots).toMatchObject({ taken: 0, failed: 0 })
    expect(failures).toEqual([])
    expect(filesLike(environment, /\.snap/)).toEqual([])
  })

  it.each([
    ['takes', 'worker'],
    ['verifies', 'blocking'],
  ] as const)('ends a thread that hangs while it %s one that nobody asked for', async (_, mode) => {
    const memory = testEnvironment()
    const timers = new ManualTimers(memory.clock)
    const { store, environment } = await openHere({ ...memory, timers }, bank, {
      snapshot: { mode, everyRecords: 5 },
      verifySnapshots: mode === 'blocking' ? 'replay' : 'read',
    })
    environment.workers.fault = { how: 'hangs', afterCalls: 1 }
    await work(store, 0, 5)
    await turns(environment, 100)
    expect(environment.workers.started).toBe(1)
    let isClosed = false
    const closed = store.close().then(() => (isClosed = true))
    await turns(environment, 100)
    const wasClosed = isClosed
    // What nobody has ended is silent for too long at some time.
    timers.advance(3_600_000)
    await closed
    expect(wasClosed).toBe(true)
    expect(store.stats().snapshots).toMatchObject({ taken: 0, failed: 0 })
    expect(filesLike(environment, /\.snap/)).toEqual([])
    expect(environment.files.openFiles).toBe(0)
  })

  it('waits for one that was asked for', async () => {
    const { environment, taken } = await underWay(false)
    const info = await taken
    expect(filesLike(environment, /\.snap/)).toEqual([info?.path])
  })
})

describe('how snapshots are taken', () => {
  const capturing = defineMachine({
    version: 1,
    initial: () => ({ sum: 0 }),
    commands: { add: (state, amount: number) => void (state.sum += amount) },
    capture: ({ sum }) => ({ sum }),
  })

  it.each([
    ['blocking', bank, false, undefined],
    ['worker', bank, true, undefined],
    ['blocking', bank, true, 'blocking'],
    ['captured', capturing, false, undefined],
    ['captured', capturing, true, undefined],
    ['worker', capturing, true, 'worker'],
    ['blocking', capturing, false, 'blocking'],
  ] as const)('%s', async (expected, machine: AnyMachine, byModule, mode) => {
    const environment = testEnvironment()
    const given = byModule ? moduleOf(environment, machine) : machine
    const store = await open(STORE, given as AnyMachine, { environment, snapshot: { mode } })
    expect(store.stats().snapshots.mode).toBe(expected)
    await store.close()
  })

  it.each([
    ['captured', 'a machine with `capture`'],
    ['worker', 'the machine’s module'],
    ['now', 'captured, worker or blocking'],
  ])('refuses %s where it cannot be', async (mode, why) => {
    const environment = testEnvironment()
    const opening = open(STORE, bank, { environment, snapshot: { mode: mode as 'worker' } })
    await expect(opening).rejects.toEqual(errorLike('INVALID_ARGUMENT'))
    await expect(opening).rejects.toThrow(why.replace('’', "'"))
    expect(bytesOf(environment).size).toBe(0)
  })
})

describe('the module of a machine', () => {
  it.each([
    ['is not there', new URL('not-there.ts', import.meta.url), 'cannot be imported'],
    ['has no machine', new URL('index.ts', import.meta.url), 'no machine as its default export'],
  ])('is refused where it %s', async (_, module, why) => {
    const environment = testEnvironment()
    const opening = open(STORE, module, { environment })
    await expect(opening).rejects.toEqual(errorLike('INVALID_ARGUMENT', { path: module.href }))
    await expect(opening).rejects.toThrow(why)
    expect(bytesOf(environment).size).toBe(0)
  })

  it('brings the codec of its stores', async () => {
    const codec = { ...messagePackCodec, id: 'own' }
    const environment = testEnvironment()
    const module = moduleOf(environment, bank, { codec })
    const store = await open<typeof bank>(STORE, module, { environment, codec })
    await work(store, 0, 10)
    const { name } = await store.snapshot()
    expect(filesLike(environment, /\.snap$/)).toEqual([`${STORE}/snapshots/${name}`])
    await store.close()
    const again = await open<typeof bank>(STORE, module, { environment })
    expect(again.report.snapshot).toMatchObject({ seq: 10 })
    await again.close()
    await expect(open(STORE, module, { environment, codec: bytesCodec })).rejects.toEqual(
      errorLike('INVALID_ARGUMENT', { details: { option: 'codec' } }),
    )
  })
})
