// A store on the real file system where something else stands than it left there.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { HoldfastError } from '@holdfast/environment'
import { openDescriptors, temporaryDirectory } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bank, errorLike } from './bank.fixture.ts'
import { bytesBelow } from './bytes-below.fixture.ts'
import { open } from './open.ts'
import { openReadOnly } from './open-read-only.ts'

const run = promisify(execFile)

let root: string
let remove: () => Promise<void>
let path: string

beforeEach(async () => {
  ;({ path: root, remove } = await temporaryDirectory())
  path = join(root, 'store')
})
afterEach(() => remove())

const openStore = (directory = path) => open(directory, bank, { segmentBytes: 4096, snapshot: { keep: 2 } })

/** A store with two snapshots and a log behind each of them. */
async function fill(directory = path): Promise<void> {
  const store = await openStore(directory)
  for (let i = 0; i < 3; i += 1) {
    await store.execute('note', 'x'.repeat(2500))
    await store.execute('deposit', { to: 'a', amount: 1 })
    if (i > 0) await store.snapshot()
  }
  await store.execute('deposit', { to: 'a', amount: 1 })
  await store.close()
}

describe.skipIf(process.platform === 'win32')('what stands in the place of a file (fault 31)', () => {
  /** Puts something there, with what was there at hand for a link to lead to. */
  const things: Record<string, (at: string, original: string) => Promise<unknown>> = {
    'a symbolic link to it': (at, original) => symlink(original, at),
    'a dangling link': (at) => symlink(join(root, 'nowhere'), at),
    'a FIFO': (at) => run('mkfifo', [at]),
    'a directory': (at) => mkdir(at),
    'a socket': async (at) => {
      // Too long a path cannot be bound to.
      const server = createServer().listen(join(root, 'socket'))
      await once(server, 'listening')
      await rename(join(root, 'socket'), at)
      server.close()
      await once(server, 'close')
    },
  }

  async function placeOf(file: string): Promise<string> {
    if (!file.includes('/')) return join(path, file)
    const [directory, which] = file.split('/') as [string, string]
    const names = (await readdir(join(path, directory))).sort()
    return join(path, directory, names.at(which === 'newest' ? -1 : 0) as string)
  }

  describe.each(Object.keys(things))('%s', (thing) => {
    it.each(['LOCK', 'MANIFEST', 'wal/newest'])(
      'in the place of %s is refused, and nothing is changed',
      async (file) => {
        await fill()
        const at = await placeOf(file)
        await rename(at, join(root, 'aside'))
        await things[thing]?.(at, join(root, 'aside'))
        const before = await bytesBelow(root)
        await expect(openStore()).rejects.toThrow(errorLike('NOT_A_FILE', { path: at }))
        const reading = openReadOnly(path, bank).then(
          (reader) => reader.close().then(() => 'opened'),
          (error: unknown) => (error as HoldfastError).code,
        )
        // A reader takes no lock, and does not look at it.
        expect(await reading).toBe(file === 'LOCK' ? 'opened' : 'NOT_A_FILE')
        expect(await bytesBelow(root)).toEqual(before)
        expect((await openDescriptors(root)) ?? []).toEqual([])
        await rm(at, { recursive: true })
        await rename(join(root, 'aside'), at)
        const store = await openStore()
        expect(store.state.accounts.get('a')).toBe(4)
        await store.close()
      },
    )

    it('in the place of the newest snapshot is set aside, and left there', async () => {
      await fill()
      const at = await placeOf('snapshots/newest')
      await rename(at, join(root, 'aside'))
      await things[thing]?.(at, join(root, 'aside'))
      const aside = await lstat(join(root, 'aside'))
      const store = await openStore()
      expect(store.report.setAside).toHaveLength(1)
      expect(store.state.accounts.get('a')).toBe(4)
      await store.close()
      expect((await lstat(join(root, 'aside'))).ino).toBe(aside.ino)
    })

    it.skipIf(thing === 'a directory').each(['wal', 'snapshots'])(
      'in the place of %s/ is refused, and nothing is changed',
      async (directory) => {
        await fill()
        const at = join(path, directory)
        await rename(at, join(root, 'aside'))
        await things[thing]?.(at, join(root, 'aside'))
        const before = await bytesBelow(root)
        await expect(openStore()).rejects.toThrow(errorLike('NOT_A_FILE'))
        expect(await bytesBelow(root)).toEqual(before)
        expect((await openDescriptors(root)) ?? []).toEqual([])
      },
    )
  })
})

it('of another store in the place of an open one is not written to: it is fenced off (fault 31)', async () => {
  await fill(join(root, 'other'))
  const other = await bytesBelow(join(root, 'other'))
  const store = await openStore()
  await store.execute('deposit', { to: 'mine', amount: 1 })
  // Nothing is under way: a manifest that is being replaced by its name would be so in the other directory.
  await store.snapshot()
  const failed = once(store.events, 'failed')
  await rename(path, join(root, 'moved'))
  await rename(join(root, 'other'), path)
  // What is in the open segment goes to where that went. The next file has to be made by its name.
  const writing = (async () => {
    for (let i = 2; i < 100; i += 1) await store.execute('note', 'x'.repeat(1000))
  })()
  await expect(writing).rejects.toThrow(/FENCED|FAILED/)
  expect(await failed).toEqual([
    errorLike('FENCED', { message: expect.stringContaining('is that of another store') as string }),
  ])
  await store.close()
  // All that it can leave there is a file of zeros that it had just made ready: the next open removes it.
  await rename(path, join(root, 'other'))
  const after = await bytesBelow(join(root, 'other'))
  for (const [name, bytes] of after) if (!other.has(name) && /^(00)*$/.test(bytes)) after.delete(name)
  expect(after).toEqual(other)
  const again = await openStore(join(root, 'moved'))
  expect(again.state.accounts.get('mine')).toBe(1)
  await again.close()
})

it.skipIf(process.platform === 'win32').each([0o000, 0o027])(
  'makes everything for its owner only, umask %o (fault 31)',
  async (umask) => {
    const before = process.umask(umask)
    try {
      const store = await openStore()
      await store.execute('note', 'x'.repeat(5000))
      await store.execute('note', 'x'.repeat(5000))
      await store.snapshot()
      await store.backup(join(root, 'backup'))
      await store.close()
    } finally {
      process.umask(before)
    }
    const names = await readdir(root, { recursive: true })
    expect(names.length).toBeGreaterThan(10)
    for (const name of names) {
      const stats = await lstat(join(root, name))
      expect([name, stats.mode & 0o7777]).toEqual([name, stats.isDirectory() ? 0o700 : 0o600])
    }
  },
)

it('a second store in one process, by whatever path, is refused and changes nothing (fault 30)', async () => {
  await fill()
  const store = await openStore()
  await symlink(path, join(root, 'link'))
  const before = await bytesBelow(path)
  for (const second of [path, `${root}/./store/`, join(root, 'link')]) {
    await expect(openStore(second)).rejects.toThrow(errorLike('LOCKED', { pid: process.pid }))
  }
  expect(await bytesBelow(path)).toEqual(before)
  await store.execute('deposit', { to: 'a', amount: 1 })
  await store.close()
  await writeFile(join(root, 'beside'), '')
  const next = await openStore(join(root, 'link'))
  expect(next.state.accounts.get('a')).toBe(5)
  await next.close()
})
