import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Clock } from './environment.ts'
import type { LockHolder } from './locks.ts'

/** Names one process among all that ever were, as far as the platform tells: a pid alone comes round again. */
export interface ProcessIdentity extends LockHolder {
  /** The boot of the machine that it runs in. Linux only. */
  readonly boot?: string
  /** When it started, in ticks of that boot. Linux only. */
  readonly start?: string
}

/** Longer names than DNS allows are cut: the text in a lock file has a fixed size. */
const HOST_NAME_CHARS = 255

/** This process. */
export async function thisProcess(clock: Clock): Promise<ProcessIdentity> {
  const boot = await bootOf()
  const start = (await startOf(process.pid))?.start
  return {
    pid: process.pid,
    host: hostname().slice(0, HOST_NAME_CHARS),
    since: new Date(clock.now()).toISOString(),
    ...(boot !== undefined && { boot }),
    ...(start !== undefined && { start }),
  }
}

/** What `thisProcess` wrote down as JSON, or `undefined` where it is no such thing. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity> | null
    const { pid, host, since, boot, start } = value ?? {}
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || typeof since !== 'string') return undefined
    return {
      pid: pid as number,
      host,
      since,
      ...(typeof boot === 'string' && { boot }),
      ...(typeof start === 'string' && { start }),
    }
  } catch {
    return undefined
  }
}

/**
 * Whether that process is surely gone. `false` also where it can't be known: another machine's processes
 * can't be seen from here.
 */
export async function isGone(identity: ProcessIdentity): Promise<boolean> {
  if (identity.host !== hostname().slice(0, HOST_NAME_CHARS)) return false
  const boot = await bootOf()
  if (identity.boot !== undefined && boot !== undefined && identity.boot !== boot) return true
  const running = await startOf(identity.pid)
  if (running !== undefined) {
    // A zombie holds no files: it only waits for its parent to look.
    if (running.state === 'Z' || running.state === 'X') return true
    return identity.start !== undefined && identity.start !== running.start
  }
  try {
    process.kill(identity.pid, 0)
    return false
  } catch (error) {
    // EPERM says that it is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

async function bootOf(): Promise<string | undefined> {
  return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim()
}

/** The state and start time of a process that runs, from Linux's /proc. */
async function startOf(pid: number): Promise<{ state: string; start: string } | undefined> {
  const stat = await readProc(`/proc/${pid}/stat`)
  // The second field is the name in parentheses, which may hold spaces and parentheses of its own.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, start] = [fields?.[0], fields?.[19]]
  return state === undefined || start === undefined ? undefined : { state, start }
}

function readProc(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
