import {
  absolutePath,
  copyFile,
  type Environment,
  type FileSystem,
  HoldfastError,
  ioError,
  joinPath,
  makeDirectories,
  replaceFile,
} from '@holdfast/environment'
import { encodeManifest, type LogDirectory, type StoreDirectory } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import type { Retention } from './retention.ts'
import type { Waiter } from './waiter.ts'

/** What a backup is made from. */
export interface BackupParts {
  readonly directory: StoreDirectory
  readonly log: Awaited<ReturnType<LogDirectory<LoggedCommand, Waiter>['open']>>
  readonly retention: Retention
  readonly environment: Environment
}

/** A backup that is complete and durable. */
export interface BackupResult {
  readonly path: string
  /** Everything up to this sequence is in it. */
  readonly seq: number
  readonly files: number
  readonly bytes: number
}

/**
 * Copies snapshots and log into a new or empty directory, and the manifest last: until that is there the
 * directory is no store. Each file and directory is synced. What is copied is not deleted meanwhile, whatever else the
 * store does; of the log up to the cap of a pin, past which it throws `GapError`.
 */
export async function backup(parts: BackupParts, path: string): Promise<BackupResult> {
  const { directory, log, retention, environment } = parts
  const { files } = environment
  const target = absolutePath(path)
  if (target.startsWith(joinPath(directory.path, '/'))) {
    throw new HoldfastError('INVALID_ARGUMENT', "a backup goes outside of the store's own directory", {
      path: target,
    })
  }
  const [walPath, snapshotsPath] = [joinPath(target, 'wal'), joinPath(target, 'snapshots')]
  await makeEmpty(environment, target, [walPath, snapshotsPath])
  let bytes = 0
  const { kept, release } = retention.hold()
  // The log after the snapshots, so that the copy of it reaches past all of them.
  const segments = await log
    .backup(walPath, async (assertHeld) => {
      for (const { path: from, name } of kept) {
        bytes += await copyWhole(files, from, joinPath(snapshotsPath, name))
        assertHeld()
      }
    })
    .finally(release)
  // Not what the store's own manifest says: that may be behind, after a trim that it could not note.
  const trimmedThrough = (segments[0]?.firstSeq ?? log.firstSeq) - 1
  const seq = segments.at(-1)?.lastSeq ?? trimmedThrough
  const { storeId, epoch, nextId } = directory.manifest
  const manifest = encodeManifest(
    {
      storeId,
      epoch,
      nextId,
      segments,
      snapshots: kept.map(({ id, seq: throughSeq, bytes: fileBytes, digest }) => ({
        id,
        seq: throughSeq,
        bytes: fileBytes,
        digest,
      })),
      trimmedThrough,
      // All of it is synced: a copy that loses its end on the way to somewhere else is told from a torn one.
      clean: { durableSeq: seq, epoch },
    },
    environment.random.uint32(),
  )
  try {
    await files.syncDirectory(snapshotsPath)
    await files.syncDirectory(target)
  } catch (cause) {
    throw ioError(cause, { doing: 'sync the backup', path: target })
  }
  await replaceFile(environment, joinPath(target, 'MANIFEST'), manifest)
  for (const segment of segments) bytes += segment.bytes ?? 0
  return {
    path: target,
    seq,
    files: segments.length + kept.length + 1,
    bytes: bytes + manifest.length,
  }
}

/** Returns the size of the file, which nobody changes. */
async function copyWhole(files: FileSystem, from: string, to: string): Promise<number> {
  try {
    const source = await files.open(from, 'read')
    try {
      const bytes = await source.size()
      await copyFile(files, source, to, bytes)
      return bytes
    } finally {
      await source.close()
    }
  } catch (cause) {
    throw ioError(cause, { doing: `copy ${from}`, path: to })
  }
}

async function makeEmpty({ files }: Environment, target: string, inside: readonly string[]): Promise<void> {
  try {
    await makeDirectories(files, target)
    if ((await files.list(target)).length > 0) {
      throw new HoldfastError('NOT_EMPTY', 'a backup goes into a new or an empty directory', { path: target })
    }
    for (const path of inside) await files.makeDirectory(path)
  } catch (cause) {
    throw ioError(cause, { doing: 'make the directory of the backup', path: target })
  }
}
