import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts'

const run = promisify(execFile)

/**
 * A directory with a disk of its own of so many bytes (a tmpfs), to run out of space for real.
 * `undefined` where mounting isn't allowed: the test has to be skipped, and to say so.
 */
export async function smallDisk(bytes: number): Promise<TemporaryDirectory | undefined> {
  const directory = await temporaryDirectory()
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', directory.path])
  } catch {
    await directory.remove()
    return undefined
  }
  return {
    path: directory.path,
    async remove() {
      await run('umount', [directory.path])
      await directory.remove()
    },
  }
}
