import { HoldfastError, LockedError } from './errors.ts'
import type { PidFileHolder } from './pid-file.ts'

/**
 * How a pid file passes from one process to another. It appears whole, by a hard link, so it always names
 * its holder. A holder that is surely gone is succeeded like this:
 *
 * 1. Whoever wants to links its own name to `<pid file>.<token of the one who is gone>.tmp`. One can.
 * 2. If that one is gone too, its own token names the next claim, and so on.
 * 3. Whoever has the last claim reads the chain again from the pid file on. Tokens never come back, so if
 *    it still leads to its own claim, nobody else has passed or can: it renames its name over the pid file.
 *
 * Thus two who judge one dead holder at the same time never both succeed it, and one who dies on the way
 * is succeeded like a holder. A plain "read, find dead, rename over" has neither property.
 */
export interface PidFileCalls {
  /** Who is named in a file; `undefined` where there is none. */
  read(path: string): Promise<PidFileHolder | undefined>
  /** Gives a file a second name; `false` where that is taken. */
  link(from: string, to: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Whether a process is surely gone. */
  isGone(holder: PidFileHolder): Promise<boolean>
}

/** How often one attempt starts anew, and how many dead claimants it follows: more than ever die in a row. */
const STEP_LIMIT = 1000

/** Makes the pid file name `me`, as the file `named` does, or throws `LOCKED`. */
export async function takePidFile(
  calls: PidFileCalls,
  pidFile: string,
  named: string,
  me: PidFileHolder,
): Promise<void> {
  for (let step = 1; step <= STEP_LIMIT; step += 1) {
    if (await calls.link(named, pidFile)) return
    const chain = await readChain(calls, pidFile)
    const last = chain.at(-1)
    // It was there when we linked, and is released by now.
    if (last === undefined) continue
    if (!(await calls.isGone(last))) throw new LockedError(last, { path: pidFile })
    if (await succeed(calls, pidFile, named, chain, last, me)) return
  }
  throw new HoldfastError('LOCK_UNAVAILABLE', 'the pid file changes faster than it can be read', {
    path: pidFile,
  })
}

/** Removes the pid file if it names us. While we live nobody succeeds us, so it is ours until then. */
export async function leavePidFile(calls: PidFileCalls, pidFile: string, me: PidFileHolder): Promise<void> {
  if ((await calls.read(pidFile))?.token === me.token) await calls.unlink(pidFile)
}

/** Claims the place of the last of a chain of dead holders, and takes it if nobody has passed meanwhile. */
async function succeed(
  calls: PidFileCalls,
  pidFile: string,
  named: string,
  chain: readonly PidFileHolder[],
  last: PidFileHolder,
  me: PidFileHolder,
): Promise<boolean> {
  const claim = claimPath(pidFile, last)
  if (!(await calls.link(named, claim))) return false
  try {
    if (!sameHolders([...chain, me], await readChain(calls, pidFile))) return false
    await calls.rename(named, pidFile)
    for (const gone of chain.slice(0, -1)) await calls.unlink(claimPath(pidFile, gone)).catch(() => {})
    return true
  } finally {
    // A claim that came to nothing must not stand in the way for as long as this process lives.
    await calls.unlink(claim).catch(() => {})
  }
}

/** The one that the pid file names, whoever claimed to succeed it, whoever claimed to succeed that one. */
async function readChain(calls: PidFileCalls, pidFile: string): Promise<PidFileHolder[]> {
  const chain: PidFileHolder[] = []
  let holder = await calls.read(pidFile)
  while (holder !== undefined && chain.length < STEP_LIMIT) {
    chain.push(holder)
    holder = await calls.read(claimPath(pidFile, holder))
  }
  return chain
}

function claimPath(pidFile: string, gone: PidFileHolder): string {
  return `${pidFile}.${gone.token}.tmp`
}

function sameHolders(one: readonly PidFileHolder[], other: readonly PidFileHolder[]): boolean {
  return one.length === other.length && one.every((holder, index) => holder.token === other[index]?.token)
}
