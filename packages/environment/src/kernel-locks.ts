import { constants } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from './environment.ts'
import { HoldfastError, LockedError } from './errors.ts'
import { ioError } from './io-error.ts'
import { readLockText, writeLockText } from './lock-text.ts'
import type { DirectoryLock, Locks } from './locks.ts'
import { NodeFile, syncCallsOf } from './node-file.ts'
import { fileIdentity, identityAt, openDescriptor, SAFELY } from './node-file-system.ts'
import { readPidFile } from './pid-file.ts'
import { isGone, type ProcessIdentity, thisProcess } from './process-identity.ts'

/** The two calls of the native addon. */
export interface NativeLocks {
  /** Takes an exclusive lock on a range; `false` where another open file has it. */
  tryLock(descriptor: number, offset: number, length: number): boolean
  unlock(descriptor: number, offset: number, length: number): void
}

/**
 * The locked range: one byte far behind the text, since Windows lets nobody read what another has locked.
 * Every version of Holdfast has to lock this one.
 */
const LOCK_OFFSET = 2 ** 30
const LOCK_BYTES = 1

/** The holder writes its name down once it has the lock: one who is refused in between looks again, so often. */
const NAME_READS = 10
const NAME_PAUSE_MS = 10

/** How often the lock file may be another one after it was locked. Nothing of ours replaces it even once. */
const REPLACED_LIMIT = 3

/**
 * Locks that the kernel drops when the process dies, by the native addon `fs-native-extensions`: locks of
 * the open file description on Linux, `flock` on macOS, `LockFileEx` on Windows. They belong to the open
 * file, not to the process, so a second open in the same process is refused as well. Descriptors are closed
 * in child processes, so that no child keeps a lock alive.
 *
 * The lock file is made once and never removed: a lock on a removed file excludes nobody who comes later.
 * What stands in it is for people, and decides nothing.
 *
 * Only the Linux locks have been run by the tests of this project.
 */
export class KernelLocks implements Locks {
  readonly #clock: Clock
  readonly #load: () => Promise<NativeLocks>

  /** The addon is loaded with the first lock, so that a program which only reads never needs it. */
  constructor(clock: Clock, load: () => Promise<NativeLocks> = loadAddon) {
    this.#clock = clock
    this.#load = load
  }

  async acquire(path: string): Promise<DirectoryLock> {
    const native = await this.#load().catch((cause: unknown) => {
      throw unavailable(path, 'the native addon for locks could not be loaded', cause)
    })
    for (let attempt = 1; attempt <= REPLACED_LIMIT; attempt += 1) {
      const lock = await this.#attempt(path, native)
      if (lock !== undefined) return lock
    }
    throw unavailable(path, 'the lock file is being replaced again and again', undefined)
  }

  /** `undefined` where the file that was locked is no longer the one at the path. */
  async #attempt(path: string, native: NativeLocks): Promise<DirectoryLock | undefined> {
    const descriptor = await openDescriptor(path, constants.O_RDWR | constants.O_CREAT | SAFELY).catch(
      (cause: unknown) => {
        throw ioError(cause, { doing: 'open the lock file', path })
      },
    )
    const file = new NodeFile(path, descriptor, undefined, syncCallsOf(process.platform))
    const lock = new KernelLock(path, descriptor, file, native)
    let locked = false
    try {
      const identity = await fileIdentity(descriptor, path)
      locked = tryLock(native, descriptor, path)
      if (!locked) throw new LockedError(await nameOfHolder(file), { path })
      if ((await identityAt(path)) !== identity) {
        await lock.release()
        return undefined
      }
      // The name first, then the look at the other kind of lock, which does it the same way: of two who
      // come at one time, at least one sees the other.
      await writeLockText(file, await thisProcess(this.#clock)).catch(() => {})
      const other = await readPidFile(path)
      if (other !== undefined && !(await isGone(other))) throw new LockedError(other, { path })
    } catch (cause) {
      await (locked ? lock.release() : file.close()).catch(() => {})
      throw ioError(cause, { doing: 'lock the store', path })
    }
    return lock
  }
}

/** Held for as long as the descriptor is open, even if nobody keeps this object. */
class KernelLock implements DirectoryLock {
  readonly #path: string
  readonly #descriptor: number
  readonly #file: NodeFile
  readonly #native: NativeLocks
  #released: Promise<void> | undefined

  constructor(path: string, descriptor: number, file: NodeFile, native: NativeLocks) {
    this.#path = path
    this.#descriptor = descriptor
    this.#file = file
    this.#native = native
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    await writeLockText(this.#file, undefined).catch(() => {})
    try {
      // Closing is enough by the letter, but Windows may take its time over it.
      this.#native.unlock(this.#descriptor, LOCK_OFFSET, LOCK_BYTES)
    } catch {
      // Nothing is left held by it: the kernel drops the lock with the descriptor.
    }
    await this.#file.close().catch((cause: unknown) => {
      throw ioError(cause, { doing: 'close the lock file', path: this.#path })
    })
  }
}

function tryLock(native: NativeLocks, descriptor: number, path: string): boolean {
  try {
    return native.tryLock(descriptor, LOCK_OFFSET, LOCK_BYTES)
  } catch (cause) {
    throw unavailable(path, 'the file system refused to lock', cause)
  }
}

/** Who holds it. A name that is surely not the holder's is what the one before left behind. */
async function nameOfHolder(file: NodeFile): Promise<ProcessIdentity | undefined> {
  for (let read = 1; read <= NAME_READS; read += 1) {
    const holder = await readLockText(file).catch(() => undefined)
    if (holder !== undefined && !(await isGone(holder))) return holder
    await sleep(NAME_PAUSE_MS)
  }
  return undefined
}

function unavailable(path: string, happened: string, cause: unknown): HoldfastError {
  return new HoldfastError('LOCK_UNAVAILABLE', happened, { path, cause })
}

async function loadAddon(): Promise<NativeLocks> {
  const addon = await import('fs-native-extensions')
  return addon.default
}
