import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Names and bytes of all that is below a real directory, but for the lock: its text is for people. */
export async function bytesBelow(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.name === 'LOCK') continue
    const name = join(entry.parentPath, entry.name)
    found.set(name, entry.isFile() ? (await readFile(name)).toString('hex') : 'no file')
  }
  return found
}
