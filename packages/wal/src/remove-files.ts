import { errnoOf, ioError, type Environment } from '@holdfast/environment'

/** Removes files from a directory, durably. One that is gone already is no error: an attempt before may have got that far. */
export async function removeFiles(
  { files }: Environment,
  directory: string,
  removed: readonly { readonly path: string }[],
): Promise<void> {
  if (removed.length === 0) return
  let doing = { doing: 'sync the directory', path: directory }
  try {
    for (const { path } of removed) {
      doing = { doing: 'remove the file', path }
      await files.unlink(path).catch((cause: unknown) => {
        if (errnoOf(cause) !== 'ENOENT') throw cause
      })
    }
    doing = { doing: 'sync the directory', path: directory }
    await files.syncDirectory(directory)
  } catch (cause) {
    throw ioError(cause, doing)
  }
}
