import { HoldfastError } from './errors.ts'
import type { File, FileSystem } from './file-system.ts'

/**
 * The same file system; of each call that comes back, well or not, it is told. Once it is to stop, calls reject with
 * `ABORTED` when they come back: whoever made them gives back what he has, and ends.
 */
export function watchedFiles(
  files: FileSystem,
  onReturn: () => void,
  isStopped: () => boolean = () => false,
): FileSystem {
  const told = async <T>(call: Promise<T>): Promise<T> => {
    try {
      const result = await call
      if (isStopped()) throw new HoldfastError('ABORTED', 'nobody wants what this was for any more')
      return result
    } finally {
      onReturn()
    }
  }
  const watched = (file: File): File => ({
    read: (into, position) => told(file.read(into, position)),
    write: (bytes, position) => told(file.write(bytes, position)),
    writeThrough: (bytes, position) => told(file.writeThrough(bytes, position)),
    sync: () => told(file.sync()),
    truncate: (bytes) => told(file.truncate(bytes)),
    size: () => told(file.size()),
    close: () => file.close().finally(onReturn),
  })
  return {
    open: async (path, mode) => {
      const opening = files.open(path, mode)
      try {
        await told(opening)
      } catch (error) {
        await opening.then((file) => file.close()).catch(() => {})
        throw error
      }
      return watched(await opening)
    },
    list: (path) => told(files.list(path)),
    stat: (path) => told(files.stat(path)),
    makeDirectory: (path) => told(files.makeDirectory(path)),
    rename: (from, to) => told(files.rename(from, to)),
    unlink: (path) => told(files.unlink(path)),
    syncDirectory: (path) => told(files.syncDirectory(path)),
  }
}
