import { errnoOf } from './io-error.ts'

/** What Windows says while another program (an indexer, a scanner for viruses) holds one of the two files. */
const IN_USE: ReadonlySet<string> = new Set(['EPERM', 'EBUSY', 'EACCES'])

/** With the pauses below: a second and a half in all, longer than such a program looks at a small file. */
const ATTEMPTS = 12
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 250

/**
 * Renames, and tries again for a while where another program is in the way. For Windows only, and not run
 * there by the tests of this project: elsewhere these errors mean what they say.
 */
export async function renameWithRetries(
  rename: (from: string, to: string) => Promise<void>,
  sleep: (ms: number) => Promise<unknown>,
  from: string,
  to: string,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rename(from, to)
    } catch (error) {
      if (attempt === ATTEMPTS || !IN_USE.has(errnoOf(error) ?? '')) throw error
    }
    await sleep(Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS))
  }
}
