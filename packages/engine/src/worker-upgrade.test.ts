// The stores in golden/versions, whose first snapshot by a newer version of the bank is taken by a thread.
import { join, relative } from 'node:path'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { STORE, testEnvironment } from './bank.fixture.ts'
import { bytesBelow } from './bytes-below.fixture.ts'
import { machineOf, VERSIONS } from './four-versions.fixture.ts'
import { oldVersionsPath } from './old-versions.fixture.ts'
import { open } from './open.ts'
import type { SnapshotMode } from './snapshot-source.ts'

const NAMES: readonly string[] = ['log', 'snapshot', 'crashed']
const UPGRADES = [
  ...[1, 2, 3].flatMap((by) => NAMES.map((name) => [`${by}-${name}`, by] as const)),
  ...['1-2-3-log', '1-2-3-snapshots'].map((name) => [name, 3] as const),
].flatMap(([name, by]) =>
  VERSIONS.filter(({ version }) => version > by).map(({ version }) => [name, version] as const),
)

/** A copy, in memory. */
async function copyOf(name: string): Promise<MemoryFileSystem> {
  const path = join(oldVersionsPath, name)
  const files = new MemoryFileSystem()
  for (const [file, bytes] of await bytesBelow(path))
    if (bytes !== 'no file') files.put(join(STORE, relative(path, file)), Buffer.from(bytes, 'hex'))
  return files
}

/** The digest of the snapshot that a newer version owes an older store. */
async function firstDigest(name: string, version: number, mode: SnapshotMode): Promise<string> {
  const environment = testEnvironment(await copyOf(name))
  const module = new URL('test:machine')
  environment.workers.modules.set(module.href, { default: machineOf(version) })
  const store = await open(STORE, module, { environment, snapshot: { mode, keep: 5 } })
  const digest = await new Promise<string>((resolve, reject) => {
    store.events.on('snapshot', (snapshot) => resolve(snapshot.digest))
    store.events.on('snapshotFailed', reject)
  })
  expect(store.stats().snapshots).toMatchObject({ mode, taken: 1 })
  await store.close()
  return digest
}

it.each(UPGRADES)(
  'what a thread folds of the store %s is what opening makes of it, for version %i',
  async (name, version) => {
    expect(await firstDigest(name, version, 'worker')).toBe(await firstDigest(name, version, 'blocking'))
  },
)
