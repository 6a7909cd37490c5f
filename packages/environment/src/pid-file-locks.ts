import { link, rename, unlink } from 'node:fs/promises'
import type { Environment } from './environment.ts'
import { HoldfastError, LockedError } from './errors.ts'
import { errnoOf, ioError } from './io-error.ts'
import { readLockText } from './lock-text.ts'
import type { DirectoryLock, Locks } from './locks.ts'
import { type PidFileHolder, pidFilePath, readHolder } from './pid-file.ts'
import { leavePidFile, type PidFileCalls, takePidFile } from './pid-file-succession.ts'
import { isGone, type ProcessIdentity, thisProcess } from './process-identity.ts'
import { temporaryName } from './temporary-name.ts'
import { writeAll } from './transfer.ts'

/** Never used twice: so many random bytes. */
const TOKEN_BYTES = 8

/**
 * Locks by a file that names a process, for where the kernel's can't be had. A process that is gone (another
 * boot, no such pid, or a pid that started at another time) is succeeded. The risks that remain:
 *
 * - A process on another machine can't be seen. Its lock stays until a person removes it, and so does that
 *   of a container that was replaced by one with another host name.
 * - Containers with different process namespaces, one host name and one shared directory take each other
 *   for dead, and both write.
 * - Without Linux's /proc a pid that was given to another process keeps the lock closed.
 * - A network file system whose clients cache may show a holder that is no longer there, or not yet.
 */
export class PidFileLocks implements Locks {
  readonly #environment: Pick<Environment, 'clock' | 'files' | 'random'>

  constructor(environment: Pick<Environment, 'clock' | 'files' | 'random'>) {
    this.#environment = environment
  }

  async acquire(path: string): Promise<DirectoryLock> {
    const pidFile = pidFilePath(path)
    const { random, clock } = this.#environment
    const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('hex')
    const me: PidFileHolder = { ...(await thisProcess(clock)), token }
    const lock = new PidFileLock(pidFile, me)
    try {
      const named = await this.#writeName(pidFile, me)
      try {
        await takePidFile(CALLS, pidFile, named, me)
      } finally {
        // Renamed by now, or only a second name of the pid file.
        await unlink(named).catch(() => {})
      }
      const other = await this.#kernelHolder(path)
      if (other !== undefined) throw new LockedError(other, { path })
    } catch (cause) {
      await lock.release().catch(() => {})
      throw ioError(cause, { doing: 'lock the store with a pid file', path: pidFile })
    }
    return lock
  }

  /** A file of our own that holds our name, ready to be linked. */
  async #writeName(pidFile: string, me: PidFileHolder): Promise<string> {
    const path = temporaryName(`${pidFile}.new`, this.#environment.random)
    const file = await this.#environment.files.open(path, 'create')
    try {
      await writeAll(file, Buffer.from(`${JSON.stringify(me)}\n`), 0)
    } finally {
      await file.close()
    }
    return path
  }

  /** Who holds the kernel's lock on this directory, as far as its name tells. */
  async #kernelHolder(path: string): Promise<ProcessIdentity | undefined> {
    const { files } = this.#environment
    if ((await files.stat(path)) === undefined) return undefined
    const file = await files.open(path, 'read')
    try {
      const holder = await readLockText(file)
      return holder === undefined || (await isGone(holder)) ? undefined : holder
    } finally {
      await file.close()
    }
  }
}

class PidFileLock implements DirectoryLock {
  readonly #pidFile: string
  readonly #me: PidFileHolder
  #released: Promise<void> | undefined

  constructor(pidFile: string, me: PidFileHolder) {
    this.#pidFile = pidFile
    this.#me = me
  }

  release(): Promise<void> {
    this.#released ??= leavePidFile(CALLS, this.#pidFile, this.#me)
    return this.#released
  }
}

/** The calls of the real file system. */
const CALLS: PidFileCalls = {
  read: readHolder,
  rename,
  unlink,
  isGone,
  async link(from, to) {
    try {
      await link(from, to)
      return true
    } catch (cause) {
      const errno = errnoOf(cause)
      if (errno === 'EEXIST') return false
      // Our own file is gone: whoever holds the lock removes temporary files, so there was one a moment ago.
      if (errno === 'ENOENT') throw new LockedError(await readHolder(to), { cause })
      throw new HoldfastError('LOCK_UNAVAILABLE', 'the file system refused a hard link for the pid file', {
        path: to,
        cause,
      })
    }
  },
}
