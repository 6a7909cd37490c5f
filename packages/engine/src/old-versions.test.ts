// The stores in golden/versions, opened by each version of the bank from the one that wrote them on.
import { once } from 'node:events'
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeEnvironment } from '@holdfast/environment'
import { FaultyFileSystem, InProcessWorkers, temporaryDirectory } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorLike } from './bank.fixture.ts'
import { bytesBelow } from './bytes-below.fixture.ts'
import type { Change } from './change-feed.ts'
import type { LoggedCommand } from './commands.ts'
import { holdings, machineOf, VERSIONS, version4 } from './four-versions.fixture.ts'
import type { AnyMachine } from './machine.ts'
import { life, oldVersionsPath } from './old-versions.fixture.ts'
import { open } from './open.ts'
import { openAt, openReadOnly } from './open-read-only.ts'
import type { Upgrade } from './upgrade.ts'

const NEWEST = VERSIONS.length
const MODULE = new URL('memory:bank')
const LAST_SEQ = 10

/** What an account holds behind each sequence, in cents; nothing where it is not there yet. */
interface Course {
  readonly limit: number
  readonly cents: readonly (number | undefined)[]
}

interface OldStore {
  /** The version that wrote last. */
  readonly by: number
  readonly refused: readonly number[]
  readonly accounts: Readonly<Record<string, Course>>
  /** The commands as they stand in the log. */
  readonly logged: readonly unknown[]
}

const NONE = undefined
/** Refused at 4, under the rule of then: nobody could overdraw. */
const REFUSED = [0, 0, 5000, 5000, 5000, 5000, 5000, 5100, 5100, 5100]
const OVERDRAWN = [0, 0, 5000, -7000, -7000, -7000, -7000, -6900, -6900, -6900]
const BOB = [NONE, NONE, NONE, NONE, NONE, 0, 2000, 2000, 1500, 1500]
/** Her first deposit, at 10, is refused by the versions that open no account for it. */
const CAROL = { limit: 0, cents: [NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 300] }

const of1 = {
  by: 1,
  refused: [2, 4, 10],
  accounts: { ann: { limit: 10_000, cents: REFUSED }, bob: { limit: 10_000, cents: BOB } },
  logged: life(1).flat(),
}
const of2 = {
  by: 2,
  refused: [2, 10],
  accounts: { ann: { limit: 50_000, cents: OVERDRAWN }, bob: { limit: 2000, cents: BOB } },
  logged: life(2).flat(),
}
const of3 = {
  by: 3,
  refused: [2],
  accounts: { ...of2.accounts, carol: CAROL },
  logged: life(3).flat(),
}
const of123 = {
  by: 3,
  refused: [2, 4],
  accounts: {
    ann: { limit: 10_000, cents: REFUSED },
    bob: { limit: 2000, cents: BOB },
    carol: CAROL,
  },
  logged: [...life(1).slice(0, 5), ...life(2).slice(5, 7), ...life(3).slice(7)].flat(),
}
/** What came of the last command is not recorded: the first that opens it decides. */
const asDecidedBy3 = (store: OldStore): OldStore => ({
  ...store,
  refused: store.refused.slice(0, -1),
  accounts: { ...store.accounts, carol: CAROL },
})

/** As the newest version opens them, and any other that decides as it does. */
const STORES: Readonly<Record<string, OldStore>> = {
  '1-log': of1,
  '1-snapshot': of1,
  '1-crashed': asDecidedBy3(of1),
  '2-log': of2,
  '2-snapshot': of2,
  '2-crashed': asDecidedBy3(of2),
  '3-log': of3,
  '3-snapshot': of3,
  '3-crashed': of3,
  '1-2-3-log': of123,
  '1-2-3-snapshots': of123,
}
const NAMES = Object.keys(STORES)
const BY_4 = ['4-log', '4-snapshot', '4-crashed']

/** As a version finds it that is the first to open it. */
function asOpenedBy(version: number, name: string): OldStore {
  if (version < 3 && name === '1-crashed') return of1
  return version < 3 && name === '2-crashed' ? of2 : storeOf(name)
}

function storeOf(name: string): OldStore {
  const store = STORES[name]
  if (store === undefined) throw new Error(`no store ${name}`)
  return store
}

function accountsAfter({ accounts }: OldStore, seq = LAST_SEQ): Record<string, unknown> {
  const there = Object.entries(accounts).flatMap(([name, { limit, cents }]) => {
    const after = cents[seq - 1]
    return after === undefined ? [] : [[name, { cents: after, limit }] as const]
  })
  return Object.fromEntries(there)
}

/** Commands that follow: an account that is there is opened again, somebody withdraws more than there is, and pays in. */
function moreFor(version: number): readonly LoggedCommand[] {
  const [opening, , , tooMuch, , , little] = life(version)
  return [opening, tooMuch, little].flatMap((batch) => batch ?? [])
}

/** A copy, on the real file system, that goes when the test ends. */
async function copyOf(name: string): Promise<string> {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(remove)
  const copy = join(path, 'store')
  await cp(join(oldVersionsPath, name), copy, { recursive: true })
  return copy
}

const openWith = (path: string, machine: AnyMachine, files = nodeEnvironment.files) =>
  open(path, machine, { environment: { ...nodeEnvironment, files }, snapshot: { keep: 5 } })

describe.each(NAMES)('the store %s', (name) => {
  const { by } = storeOf(name)
  const newer = VERSIONS.map(({ version }) => version).filter((version) => version > by)
  const older = VERSIONS.map(({ version }) => version).filter((version) => version < by)

  it('is opened by the version that wrote it', async () => {
    const store = await openWith(await copyOf(name), machineOf(by))
    expect(holdings(store.state, by)).toEqual(accountsAfter(asOpenedBy(by, name)))
    await store.close()
  })

  it.each(newer)('is opened by version %i, whose first snapshot follows', async (to) => {
    const path = await copyOf(name)
    const store = await openWith(path, machineOf(to))
    const [snapshot] = (await once(store.events, 'snapshot')) as [{ readonly seq: number }]
    expect(snapshot.seq).toBe(LAST_SEQ)
    expect(holdings(store.state, to)).toEqual(accountsAfter(asOpenedBy(to, name)))
    await store.close()
    const again = await openWith(path, machineOf(to))
    expect(again.report).toMatchObject({
      snapshot: { seq: LAST_SEQ, machineVersion: to },
      setAside: [],
      replay: { records: 0 },
      commands: { upgraded: 0 },
    })
    expect(again.state).toEqual(store.state)
    await again.close()
  })

  it.each<[which: string, path: RegExp]>([
    ['from its snapshots', /nothing of these/],
    ['from the log, where none of them could take a snapshot', /\.snap/],
  ])('is opened by every version in between, %s', async (_, path) => {
    const files = new FaultyFileSystem(nodeEnvironment.files)
    files.fail({ on: 'write', path, times: Infinity, fault: { errno: 'ENOSPC' } })
    const directory = await copyOf(name)
    for (const to of newer) {
      const store = await openWith(directory, machineOf(to), files)
      expect(holdings(store.state, to)).toEqual(accountsAfter(asOpenedBy(by + 1, name)))
      await store.close()
    }
    const last = await openReadOnly(directory, version4)
    const { accounts, total } = last.state
    expect(Object.fromEntries(accounts)).toEqual(accountsAfter(asOpenedBy(by + 1, name)))
    expect(total).toBe([...accounts.values()].reduce((sum, { cents }) => sum + cents, 0))
    await last.close()
  })

  it('is read by the newest version, as it is and as it was at any moment, and nothing is changed', async () => {
    const path = await copyOf(name)
    const before = await bytesBelow(path)
    const store = await openReadOnly(path, version4)
    expect(holdings(store.state, NEWEST)).toEqual(accountsAfter(storeOf(name)))
    await store.close()
    for (let seq = 1; seq <= LAST_SEQ; seq += 1) {
      const then = await openAt(path, version4, { seq })
      expect(holdings(then.state, NEWEST)).toEqual(accountsAfter(storeOf(name), seq))
      await then.close()
    }
    expect(await bytesBelow(path)).toEqual(before)
  })

  it('gives its changes as they were logged', async () => {
    const store = await openWith(await copyOf(name), version4)
    const changes: Change[] = []
    for await (const change of store.changes({ from: 1 })) if (changes.push(change) === LAST_SEQ) break
    expect(changes.map((change) => [change.name, change.argument])).toEqual(storeOf(name).logged)
    expect(changes.filter(({ refused }) => refused).map(({ seq }) => seq)).toEqual(storeOf(name).refused)
    await store.close()
  })

  it.skipIf(older.length === 0).each(older)(
    'is refused by version %i, and nothing is changed',
    async (version) => {
      const path = await copyOf(name)
      const before = await bytesBelow(path)
      const refused = errorLike('NEWER_MACHINE')
      await expect(openWith(path, machineOf(version))).rejects.toThrow(refused)
      await expect(openReadOnly(path, machineOf(version))).rejects.toThrow(refused)
      await expect(openAt(path, machineOf(version), { seq: LAST_SEQ })).rejects.toThrow(refused)
      expect(await bytesBelow(path)).toEqual(before)
    },
  )
})

describe('what version 4 wrote', () => {
  it.each(BY_4)('is opened by it and by none before it: %s', async (name) => {
    const path = await copyOf(name)
    const before = await bytesBelow(path)
    for (const machine of VERSIONS.slice(0, -1)) {
      await expect(openWith(path, machine)).rejects.toThrow(errorLike('NEWER_MACHINE'))
      await expect(openReadOnly(path, machine)).rejects.toThrow(errorLike('NEWER_MACHINE'))
    }
    expect(await bytesBelow(path)).toEqual(before)
    const store = await openWith(path, version4)
    // Opened again at 2, with another limit. At 5 it refuses what came to nothing before.
    const ann = { limit: 99_900, cents: OVERDRAWN }
    expect(holdings(store.state, NEWEST)).toEqual(
      accountsAfter({ ...of3, accounts: { ...of3.accounts, ann } }),
    )
    await store.close()
  })

  it.each(NAMES)('behind what was there is refused by the versions before it: %s', async (name) => {
    const path = await copyOf(name)
    const store = await openWith(path, version4)
    await store.execute('deposit', { account: 'bob', cents: 1 })
    await store.close()
    const before = await bytesBelow(path)
    for (const machine of VERSIONS.slice(0, -1)) {
      await expect(openWith(path, machine)).rejects.toThrow(errorLike('NEWER_MACHINE'))
    }
    expect(await bytesBelow(path)).toEqual(before)
  })
})

describe.each([...NAMES, ...BY_4])('a thread takes a snapshot of the store %s', (name) => {
  const by = name in STORES ? storeOf(name).by : NEWEST
  const since = VERSIONS.map(({ version }) => version).filter((version) => version >= by)

  it.each(since)('for version %i, and it is the one that would be written out of the state', async (to) => {
    const [workers, path] = [new InProcessWorkers(), await copyOf(name)]
    workers.modules.set(MODULE.href, { default: machineOf(to) })
    const environment = { ...nodeEnvironment, workers }
    const byModule = await open(path, MODULE, { environment, snapshot: { keep: 5, mode: 'worker' } })
    const blocking = await openWith(await copyOf(name), machineOf(to))
    expect(byModule.state).toEqual(blocking.state)
    const snapshots: { readonly seq: number; readonly digest: string }[] = []
    for (const store of [byModule, blocking]) {
      // What came of it is not on disk when the thread reads the log.
      await store.executeAll(moreFor(to) as never)
      snapshots.push(await store.snapshot())
    }
    const [{ seq, digest } = { seq: 0, digest: '' }] = snapshots
    expect(snapshots[1]).toMatchObject({ seq, digest })
    expect(seq).toBe(LAST_SEQ + moreFor(to).length)
    const { mode, taken, failed } = byModule.stats().snapshots
    expect([mode, taken, failed]).toEqual(['worker', workers.started, 0])
    await byModule.close()
    await blocking.close()

    const again = await openWith(path, machineOf(to))
    expect(again.report).toMatchObject({
      snapshot: { seq, digest, machineVersion: to },
      setAside: [],
      replay: { records: 0 },
    })
    expect(again.state).toEqual(byModule.state)
    await again.close()
  })
})

describe('an upgrade', () => {
  const bug = new Error('what is this?')
  const throwing = (): never => {
    throw bug
  }
  async function* throwingLate(entries: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const entry of entries) if ((entry as readonly unknown[])[0] === 'bob') throwing()
    yield undefined
  }
  const withUpgrade = (upgrade: Upgrade<never> | undefined): AnyMachine => ({
    ...version4,
    upgrade: upgrade && { ...version4.upgrade, ...upgrade },
  })

  const failed = (fields = {}): Error => errorLike('UPGRADE_FAILED', fields)

  it.each<[what: string, name: string, upgrade: Upgrade<never> | undefined, error: Error]>([
    ['that throws over a command', '1-log', { command: throwing }, failed({ cause: bug })],
    ['that throws behind a snapshot', '2-snapshot', { command: throwing }, failed({ cause: bug, seq: 8 })],
    ['that throws behind a crash', '1-crashed', { command: throwing }, failed({ cause: bug })],
    ['that throws over a state', '1-snapshot', { state: throwing }, failed({ cause: bug })],
    ['that throws over entries', '3-snapshot', { entries: throwing }, failed({ cause: bug })],
    ['that throws over an entry', '1-2-3-snapshots', { entries: throwingLate }, failed({ cause: bug })],
    ['that is missing', '3-log', undefined, failed()],
    [
      'that hands on what would be refused',
      '3-log',
      { command: (it) => it },
      errorLike('DIVERGED', { seq: 5 }),
    ],
  ])('%s refuses the store, and nothing is changed', async (_, name, upgrade, error) => {
    const path = await copyOf(name)
    const before = await bytesBelow(path)
    await expect(openWith(path, withUpgrade(upgrade))).rejects.toThrow(error)
    await expect(openReadOnly(path, withUpgrade(upgrade))).rejects.toThrow(error)
    expect(await bytesBelow(path)).toEqual(before)
    const store = await openWith(path, version4)
    expect(holdings(store.state, NEWEST)).toEqual(accountsAfter(storeOf(name)))
    await store.close()
  })
})

it('no store is left out', async () => {
  expect((await readdir(oldVersionsPath)).toSorted()).toEqual([...NAMES, ...BY_4].toSorted())
})
