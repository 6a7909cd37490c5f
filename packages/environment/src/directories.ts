import { isHoldfastError } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { errnoOf } from './io-error.ts'
import { absolutePath, parentPath } from './paths.ts'

/**
 * Makes a directory and those above it that are missing, each durable before the next is made in it.
 *
 * The level that was there already is synced too: a process may have made it and died before its own
 * sync, and the next power cut would take it away with everything that was acknowledged inside. One level
 * is enough, since nothing here makes a directory inside one that is not durable.
 *
 * Rejects with the error of the system; `NOT_A_FILE` where something else stands in the way. A symbolic
 * link to a directory is followed: where a store lives is its owner's choice.
 */
export async function makeDirectories(files: FileSystem, path: string): Promise<void> {
  const missing: string[] = []
  let level = absolutePath(path)
  while (!(await isDirectory(files, level))) {
    missing.push(level)
    level = parentPath(level)
  }
  await syncParentOfExisting(files, level)
  for (const directory of missing.reverse()) {
    await files.makeDirectory(directory)
    await files.syncDirectory(parentPath(directory))
  }
}

/** Whether there is a directory, perhaps through a symbolic link. Something else in its place is an error. */
async function isDirectory(files: FileSystem, path: string): Promise<boolean> {
  const stat = await files.stat(path)
  if (stat === undefined) {
    // Nothing is above the root: there must be one.
    if (parentPath(path) === path) await files.list(path)
    return false
  }
  // What is no directory may be a link to one. Listing follows it, and rejects with ENOTDIR where it isn't.
  if (stat.type !== 'directory') await files.list(path)
  return true
}

async function syncParentOfExisting(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.syncDirectory(parentPath(directory))
  } catch (error) {
    // The parent of a directory that an administrator gave us may be closed to us. Then it wasn't us who
    // made this one a moment ago, and there is nothing of ours to make durable.
    if (isHoldfastError(error) || !PARENT_CLOSED.has(errnoOf(error) ?? '')) throw error
  }
}

const PARENT_CLOSED: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS'])
