import { execFile } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { openDescriptors, smallDisk, temporaryDirectory } from '@holdfast/testing/environment'
import { locksContract } from '@holdfast/testing/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KernelLocks } from './kernel-locks.ts'
import { nodeEnvironment } from './node-environment.ts'
import { thisProcess } from './process-identity.ts'

const { clock, locks } = nodeEnvironment

locksContract('kernel', async () => {
  const { path, remove } = await temporaryDirectory()
  return { locks: () => new KernelLocks(clock), path: `${path}/LOCK`, dispose: remove }
})

describe('the kernel lock', () => {
  let root: string
  let path: string
  let remove: () => Promise<void>

  beforeEach(async () => {
    const directory = await temporaryDirectory()
    root = directory.path
    path = `${root}/LOCK`
    remove = directory.remove
  })
  afterEach(() => remove())

  it('never removes the lock file: a thousand opens leave the same one, no larger', async () => {
    await (await locks.acquire(path)).release()
    const before = await stat(path)
    for (let round = 0; round < 1000; round += 1) await (await locks.acquire(path)).release()
    const after = await stat(path)
    expect([after.ino, after.size]).toEqual([before.ino, 1024])
    expect(after.mode & 0o7777).toBe(0o600)
    expect(await nodeEnvironment.files.list(root)).toEqual(['LOCK'])
    expect((await openDescriptors(root)) ?? []).toEqual([])
  })

  it('writes its name over a longer one and leaves no rest, and none once it is released', async () => {
    await writeFile(path, `{"pid":1,"host":"${'x'.repeat(900)}","since":"long ago"}`)
    const lock = await locks.acquire(path)
    const text = await readFile(path, 'utf8')
    expect(JSON.parse(text)).toMatchObject({ pid: process.pid })
    await lock.release()
    expect((await readFile(path, 'utf8')).trim()).toBe('')
  })

  it('locks over any garbage in the file: what is written there decides nothing', async () => {
    for (const garbage of ['', '{', '\0'.repeat(4096), JSON.stringify(await thisProcess(clock))]) {
      await writeFile(path, garbage)
      await (await locks.acquire(path)).release()
    }
  })

  it('does not give the name of one who is dead for the holder’s', async () => {
    const lock = await locks.acquire(path)
    await writeFile(path, JSON.stringify({ ...(await thisProcess(clock)), pid: 2 ** 22 + 1 }))
    const error = await locks.acquire(path).catch((refusal: unknown) => refusal)
    expect(error).toMatchObject({ code: 'LOCKED' })
    expect(error).not.toHaveProperty('pid')
    expect(String(error)).toContain('could not be named')
    await lock.release()
  })

  it('is taken on the new file where somebody removed the old one', async () => {
    const first = await locks.acquire(path)
    await rm(path)
    // Two writers now, by that person's doing; but the new file is a lock like any other.
    const second = await locks.acquire(path)
    await first.release()
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'LOCKED' })
    await second.release()
  })

  /** Locks whose file is replaced by somebody right after it was locked, so often. */
  function replaced(times: number) {
    const calls = { locked: 0 }
    const tryLock = () => {
      calls.locked += 1
      if (calls.locked <= times) {
        writeFileSync(`${path}.new`, '')
        renameSync(`${path}.new`, path)
      }
      return true
    }
    return { calls, locks: new KernelLocks(clock, async () => ({ tryLock, unlock() {} })) }
  }

  it('is not taken on a file that is no longer the one at the path', async () => {
    const { calls, locks: seldom } = replaced(1)
    const lock = await seldom.acquire(path)
    expect(calls.locked).toBe(2)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid })
    await lock.release()
    await expect(replaced(Number.POSITIVE_INFINITY).locks.acquire(path)).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
    })
    expect((await openDescriptors(root)) ?? []).toEqual([])
  })

  it('is LOCK_UNAVAILABLE where the addon has no build for the platform, and names the way out', async () => {
    const cause = Object.assign(new Error("Cannot find addon '.'"), { code: 'ADDON_NOT_FOUND' })
    const error = await new KernelLocks(clock, () => Promise.reject(cause))
      .acquire(path)
      .catch((refusal: unknown) => refusal)
    expect(error).toMatchObject({ code: 'LOCK_UNAVAILABLE', path, cause })
    expect(String(error)).toContain("nodeEnvironmentWith({ lock: 'pid-file' })")
    expect(await nodeEnvironment.files.list(root)).toEqual([])
  })

  it.each(['ENOLCK', 'EOPNOTSUPP'])('is LOCK_UNAVAILABLE where the file system says %s', async (errno) => {
    const refusing = new KernelLocks(clock, async () => ({
      tryLock() {
        throw Object.assign(new Error(errno), { code: errno })
      },
      unlock() {},
    }))
    await expect(refusing.acquire(path)).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
      cause: { code: errno },
    })
    expect((await openDescriptors(root)) ?? []).toEqual([])
  })

  it('goes with its descriptor where the system refuses to unlock it', async () => {
    const { default: addon } = await import('fs-native-extensions')
    const refusing = new KernelLocks(clock, async () => ({
      tryLock: (descriptor, offset, length) => addon.tryLock(descriptor, offset, length),
      unlock() {
        throw Object.assign(new Error('no locks available'), { code: 'ENOLCK' })
      },
    }))
    await (await refusing.acquire(path)).release()
    expect((await openDescriptors(root)) ?? []).toEqual([])
    await (await locks.acquire(path)).release()
  })

  it('does not follow a link, or open a FIFO, in place of the lock file (fault 31)', async () => {
    await symlink(`${root}/elsewhere`, path)
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    await rm(path)
    await promisify(execFile)('mkfifo', [path])
    await expect(locks.acquire(path)).rejects.toMatchObject({ code: 'NOT_A_FILE' })
    expect(await nodeEnvironment.files.list(root)).toEqual(['LOCK'])
    expect((await openDescriptors(root)) ?? []).toEqual([])
  })

  it('is an IO_ERROR where the directory is not there', async () => {
    await expect(locks.acquire(`${root}/none/LOCK`)).rejects.toMatchObject({
      code: 'IO_ERROR',
      cause: { code: 'ENOENT' },
    })
  })

  it('can be had on a full disk: a name for people is not worth a refusal', async ({ skip }) => {
    const disk = await smallDisk(4096)
    if (disk === undefined) return skip('mounting a tmpfs is not allowed here')
    await writeFile(`${disk.path}/filler`, Buffer.alloc(4096))
    const lock = await locks.acquire(`${disk.path}/LOCK`)
    await expect(locks.acquire(`${disk.path}/LOCK`)).rejects.toMatchObject({ code: 'LOCKED' })
    await lock.release()
    await disk.remove()
  })
})
