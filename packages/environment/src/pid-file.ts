import { readFile } from 'node:fs/promises'
import { errnoOf } from './io-error.ts'
import { type ProcessIdentity, parseIdentity } from './process-identity.ts'

/** A process, and which of the locks that it ever took this is. */
export interface PidFileHolder extends ProcessIdentity {
  /** 16 hex digits, never used twice. */
  readonly token: string
}

const TOKEN = /^[0-9a-f]{16}$/

/** Where the pid file of a lock file is: beside it, since the kernel's lock file is never removed. */
export function pidFilePath(lockPath: string): string {
  return `${lockPath}.pid`
}

/** Who is named in the pid file beside this lock file; `undefined` where there is none. */
export function readPidFile(lockPath: string): Promise<PidFileHolder | undefined> {
  return readHolder(pidFilePath(lockPath))
}

/**
 * Who is named in a file; `undefined` where there is none. These files appear whole, so one that can't be
 * understood was written by something else: an error, and never taken over.
 */
export async function readHolder(path: string): Promise<PidFileHolder | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const identity = parseIdentity(text)
  const token = identity && (JSON.parse(text) as { token?: unknown }).token
  if (identity === undefined || typeof token !== 'string' || !TOKEN.test(token)) {
    throw new Error(`the pid file does not name a process: ${JSON.stringify(text.slice(0, 100))}`)
  }
  return { ...identity, token }
}
