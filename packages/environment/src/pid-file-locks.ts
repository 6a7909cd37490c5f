import { link, rename, unlink } from 'node:fs/promises'
import type { Environment } from './environment.ts'
import { HoldfastError, LockedError } from './errors.ts'
import { errnoOf, ioError } from './io-error.ts'
import { readLockText } from './lock-text.ts'
import type { DirectoryLock, Locks } from './locks.ts'
import { type PidFileHolder, pidFilePath, readHolder } from './pid-file.ts'
import { isGone, type ProcessIdentity, thisProcess } from './process-identity.ts'
import { temporaryName } from './temporary-name.ts'
import { writeAll } from './transfer.ts'

/** How often one attempt starts anew, and how many dead claimants it follows: more than ever die in a row. */
const STEP_LIMIT = 1000

/**
 * Locks by a file that names a process, for where the kernel's can't be had.
 *
 * The pid file appears whole, by a hard link, so it always names its holder. A holder that is surely gone
 * (another boot, no such pid, or a pid that started at another time) is succeeded like this:
 *
 * 1. Whoever wants to links its own name to `<pid file>.<token of the one who is gone>.tmp`. One can.
 * 2. If that one is gone too, its own token names the next claim, and so on.
 * 3. Whoever has the last claim reads the chain again from the pid file on. Tokens never come back, so if
 *    it still leads to its own claim, nobody else can have passed: it renames its name over the pid file.
 *
 * Two processes that judge one dead holder at the same time thus never both succeed it. What remains:
 *
 * - A process on another machine can't be seen. Its lock stays until a person removes it, and so does that
 *   of a container that was replaced by one with another host name.
 * - Containers with different process namespaces, one host name and one shared directory take each other
 *   for dead.
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
    const me: PidFileHolder = {
      ...(await thisProcess(clock)),
      token: Buffer.from(random.bytes(8)).toString('hex'),
    }
    const lock = new PidFileLock(pidFile, me)
    try {
      const named = await this.#writeName(pidFile, me)
      try {
        await take(pidFile, named, me)
      } finally {
        // Renamed or linked by now; what is left of it is only a second name.
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
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    // While we live nobody succeeds us, so what names us is ours until we remove it.
    if ((await readHolder(this.#pidFile))?.token === this.#me.token) await unlink(this.#pidFile)
  }
}

/** Makes the pid file name us, or throws. */
async function take(pidFile: string, named: string, me: PidFileHolder): Promise<void> {
  for (let step = 1; step <= STEP_LIMIT; step += 1) {
    if (await linkOnce(named, pidFile)) return
    const chain = await readChain(pidFile)
    const last = chain.at(-1)
    if (last === undefined) continue
    if (!(await isGone(last))) throw new LockedError(last, { path: pidFile })
    if (await succeed(pidFile, named, chain, last, me)) return
  }
  throw new HoldfastError('LOCK_UNAVAILABLE', 'the pid file changes faster than it can be read', {
    path: pidFile,
  })
}

/** Claims the place of the last of a chain of dead holders, and takes it if nobody has passed meanwhile. */
async function succeed(
  pidFile: string,
  named: string,
  chain: readonly PidFileHolder[],
  last: PidFileHolder,
  me: PidFileHolder,
): Promise<boolean> {
  const claim = claimPath(pidFile, last)
  if (!(await linkOnce(named, claim))) return false
  try {
    if (!sameHolders([...chain, me], await readChain(pidFile))) return false
    await rename(named, pidFile)
    for (const gone of chain.slice(0, -1)) await unlink(claimPath(pidFile, gone)).catch(() => {})
    return true
  } finally {
    // A claim that came to nothing must not stand in the way for as long as this process lives.
    await unlink(claim).catch(() => {})
  }
}

/** The one that the pid file names, whoever claimed to succeed it, whoever claimed to succeed that one. */
async function readChain(pidFile: string): Promise<PidFileHolder[]> {
  const chain: PidFileHolder[] = []
  let holder = await readHolder(pidFile)
  while (holder !== undefined && chain.length < STEP_LIMIT) {
    chain.push(holder)
    holder = await readHolder(claimPath(pidFile, holder))
  }
  return chain
}

function claimPath(pidFile: string, gone: PidFileHolder): string {
  return `${pidFile}.${gone.token}.tmp`
}

function sameHolders(one: readonly PidFileHolder[], other: readonly PidFileHolder[]): boolean {
  return one.length === other.length && one.every((holder, index) => holder.token === other[index]?.token)
}

/** Gives a file a second name, if that is free: the one way to make a file appear whole that excludes others. */
async function linkOnce(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return false
    throw new HoldfastError('LOCK_UNAVAILABLE', 'the file system refused a hard link for the pid file', {
      path: to,
      cause,
    })
  }
}
