// Stores as each version of the bank left them; write-golden.fixture.ts wrote them to golden/versions, once.
import type { LoggedCommand } from './commands.ts'
import { afterKill, bytesOf, STORE, testEnvironment, type TestEnvironment } from './bank.fixture.ts'
import { machineOf, VERSIONS } from './four-versions.fixture.ts'
import { open } from './open.ts'

export const oldVersionsPath: string = `${import.meta.dirname}/../golden/versions`

type Batch = readonly LoggedCommand[]

/** What happens in the bank, in the words of a version: batches, one after the other. Ten commands. */
export function life(version: number): readonly Batch[] {
  const opening = version < 3 ? 'open' : 'openAccount'
  const openAccount = (name: string, limit: number): LoggedCommand => [
    opening,
    version === 1 ? name : { name, limit },
  ]
  const book = (account: string, euros: number): LoggedCommand => {
    if (version === 1) return ['book', { account, euros }]
    if (version === 2) return ['book', { account, cents: euros * 100 }]
    return [euros < 0 ? 'withdraw' : 'deposit', { account, cents: Math.abs(euros) * 100 }]
  }
  return [
    [openAccount('ann', 50_000)],
    [openAccount('ann', 99_900)],
    [book('ann', 50)],
    [book('ann', -120)],
    [version === 1 ? ['advertise', 'We keep it'] : book('ann', 0)],
    [openAccount('bob', 2000), book('bob', 20)],
    [book('ann', 1)],
    [book('bob', -5)],
    [book('carol', 3)],
  ]
}

/** Where a snapshot is taken, by batches of a life. */
const SNAPSHOT_BEHIND = 6

/** A segment is as small as may be. Nothing is synced in the background, and no snapshot goes. */
const OPTIONS = { segmentBytes: 4096, syncIntervalMs: 60_000, snapshot: { keep: 4 } }

/** Hands in batches, every third one at level `os`. Where the version is newer than the store, its snapshot comes first. */
async function live(environment: TestEnvironment, version: number, batches: readonly Batch[]) {
  const store = await open(STORE, machineOf(version), { ...OPTIONS, environment })
  if (store.report.commands.upgraded > 0) await store.snapshot().catch(() => {})
  for (const [index, batch] of batches.entries()) {
    environment.clock.advance(1000)
    await store.executeAll(batch as never, { durability: index % 3 === 0 ? 'os' : 'disk' })
  }
  return store
}

/** Nothing but a log. */
async function onlyLog(version: number): Promise<TestEnvironment> {
  const environment = testEnvironment()
  await (await live(environment, version, life(version))).close()
  return environment
}

/** A snapshot, and a log behind it. */
async function withSnapshot(version: number): Promise<TestEnvironment> {
  const environment = testEnvironment()
  const store = await live(environment, version, life(version).slice(0, SNAPSHOT_BEHIND))
  await store.snapshot()
  await store.close()
  await (await live(environment, version, life(version).slice(SNAPSHOT_BEHIND))).close()
  return environment
}

/** Its process died: what came of the last command is nowhere. */
async function crashed(version: number): Promise<TestEnvironment> {
  const environment = testEnvironment()
  const store = await live(environment, version, life(version))
  const left = afterKill(environment)
  await store.close()
  return left
}

/** Opened by versions 1, 2 and 3, one after the other; with room for their snapshots, or none. The second one's process died. */
async function severalVersions(withSnapshots: boolean): Promise<TestEnvironment> {
  const first = testEnvironment()
  await (await live(first, 1, life(1).slice(0, 5))).close()
  if (!withSnapshots) leaveNoRoomForSnapshots(first)
  const second = await live(first, 2, life(2).slice(5, 7))
  const third = afterKill(first)
  if (!withSnapshots) leaveNoRoomForSnapshots(third)
  await second.close()
  await (await live(third, 3, life(3).slice(7))).close()
  return third
}

function leaveNoRoomForSnapshots({ files }: TestEnvironment): void {
  files.fail({ on: 'open', path: /\.snap/, times: Infinity, fault: { errno: 'ENOSPC' } })
}

/** The files of each store, by its name and theirs. */
export async function writeOldVersions(): Promise<Map<string, Buffer>> {
  const stores: Record<string, TestEnvironment> = {
    '1-2-3-log': await severalVersions(false),
    '1-2-3-snapshots': await severalVersions(true),
  }
  for (const { version } of VERSIONS) {
    stores[`${version}-log`] = await onlyLog(version)
    stores[`${version}-snapshot`] = await withSnapshot(version)
    stores[`${version}-crashed`] = await crashed(version)
  }
  const files = new Map<string, Buffer>()
  for (const [name, environment] of Object.entries(stores)) {
    for (const [path, bytes] of bytesOf(environment)) files.set(`${name}${path.slice(STORE.length)}`, bytes)
  }
  return files
}
