import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Clock, Environment, Random, Timers } from './environment.ts'
import { HoldfastError } from './errors.ts'
import { KernelLocks } from './kernel-locks.ts'
import { NodeFileSystem } from './node-file-system.ts'
import { NodeWorkers } from './node-workers.ts'
import { PidFileLocks } from './pid-file-locks.ts'

/** What can be chosen about the Node.js environment. */
export interface NodeEnvironmentOptions {
  /**
   * Default `kernel`: a lock that the kernel drops when the process dies; where none can be had, opening
   * for writing is refused with `LOCK_UNAVAILABLE`.
   *
   * `pid-file` is the way out there (musl libc, file systems without locks). Its risks, all of them: the
   * lock of a process on another machine, or of a container that came back under another host name, stays
   * until a person removes `LOCK.pid`; two containers that share the directory and have one host name take
   * each other's process for dead, and both write; on network file systems that cache, two machines may
   * both see a free lock. On Linux a pid that was given to another process is recognised by its start
   * time; on other platforms such a lock stays closed until a person removes it.
   */
  readonly lock?: 'kernel' | 'pid-file'
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

const random: Random = {
  bytes: (count) => randomBytes(count),
  uint32: () => randomBytes(4).readUInt32LE(),
}

const timers: Timers = {
  after(ms, run, { keepAlive = false } = {}) {
    const timeout = setTimeout(run, ms)
    if (!keepAlive) timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
  turn(run) {
    setImmediate(run)
  },
}

/** The machine that the program runs on, as Node.js shows it, with another choice of lock. Throws `INVALID_ARGUMENT` for one that there is not. */
export function nodeEnvironmentWith({ lock = 'kernel' }: NodeEnvironmentOptions = {}): Environment {
  if (lock !== 'kernel' && lock !== 'pid-file') {
    throw new HoldfastError('INVALID_ARGUMENT', `lock is 'kernel' or 'pid-file', not ${JSON.stringify(lock)}`)
  }
  const files = new NodeFileSystem()
  const locks = lock === 'pid-file' ? new PidFileLocks({ clock, files, random }) : new KernelLocks(clock)
  return { files, clock, random, timers, locks, workers: new NodeWorkers() }
}

/** The machine that the program runs on, as Node.js shows it. */
export const nodeEnvironment: Environment = nodeEnvironmentWith()
