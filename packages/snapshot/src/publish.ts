import { type Environment, HoldfastError, ioError, isHoldfastError, parentPath } from '@holdfast/environment'
import type { FileSnapshotReader } from './file-reader.ts'
import type { SnapshotSummary } from './snapshot-store.ts'

/**
 * Reads a finished file back and compares: what the disk did not keep must not be published.
 * Throws `SNAPSHOT_FAILED`, `IO_ERROR`.
 */
export async function readBack(
  open: () => Promise<FileSnapshotReader>,
  written: SnapshotSummary,
): Promise<void> {
  const read = await summaryOf(open).catch((cause: unknown) => {
    // An error of the disk is what it is. Anything else says that the file is not what was written.
    if (isHoldfastError(cause, 'IO_ERROR') || isHoldfastError(cause, 'NO_SPACE')) throw cause
    throw new HoldfastError('SNAPSHOT_FAILED', 'what was written does not read back', { cause })
  })
  if (read.digest !== written.digest || read.entries !== written.entries) {
    throw new HoldfastError('SNAPSHOT_FAILED', 'what was written reads back as something else')
  }
}

async function summaryOf(open: () => Promise<FileSnapshotReader>): Promise<SnapshotSummary> {
  const reader = await open()
  try {
    return await reader.verify()
  } finally {
    await reader.close()
  }
}

/**
 * Gives a finished and synced file its name, durably. Throws `SNAPSHOT_FAILED` where something has that name already;
 * with `outcome: 'unknown'` the file may come to be there with a crash: it is whole.
 */
export async function publish(temporary: string, path: string, { files }: Environment): Promise<void> {
  const doing = 'publish a snapshot'
  const there = await files.stat(path).catch((cause: unknown) => {
    throw ioError(cause, { doing, path, outcome: 'not-written' })
  })
  if (there !== undefined) {
    throw new HoldfastError('SNAPSHOT_FAILED', 'a snapshot of this name is there already', { path })
  }
  try {
    await files.rename(temporary, path)
    await files.syncDirectory(parentPath(path))
  } catch (cause) {
    // It was never told of: taking it back leaves what was there. Nobody else can have made this name.
    await files.unlink(path).catch(() => {})
    throw ioError(cause, { doing, path, outcome: 'unknown' })
  }
}
