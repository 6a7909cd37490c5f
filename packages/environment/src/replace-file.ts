import type { Environment } from './environment.ts'
import type { WriteOutcome } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { ioError } from './io-error.ts'
import { parentPath } from './paths.ts'
import { temporaryName } from './temporary-name.ts'
import { writeAll } from './transfer.ts'

/**
 * Makes `bytes` the whole content of the file, atomically and durably: whenever the machine stops, the
 * file is the old one or the new one, and once this has returned it is the new one.
 *
 * The order is what makes it so: a temporary file of its own name, all bytes, sync (a name must never
 * lead to bytes that may vanish), rename, sync of the directory.
 *
 * Throws `IO_ERROR` or `NO_SPACE`. With `outcome: 'not-written'` the old file is still there; with
 * 'unknown' (the rename or the sync of the directory failed) it may be either, and stay so.
 */
export async function replaceFile(
  environment: Pick<Environment, 'files' | 'random'>,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  const { files } = environment
  const temporary = temporaryName(path, environment.random)
  let outcome: WriteOutcome = 'not-written'
  try {
    await writeNewFile(files, temporary, bytes)
    outcome = 'unknown'
    await files.rename(temporary, path)
    await files.syncDirectory(parentPath(path))
  } catch (cause) {
    // Best effort: whoever opens next removes what is left. After the rename there is nothing to remove.
    await files.unlink(temporary).catch(() => {})
    throw ioError(cause, { doing: 'replace the file', path, outcome })
  }
}

/** A new file with these bytes, synced. Its name is not durable yet. */
async function writeNewFile(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.open(path, 'create')
  try {
    await writeAll(file, bytes, 0)
    await file.sync()
  } catch (cause) {
    await file.close().catch(() => {})
    throw cause
  }
  await file.close()
}
