import type { File, FileSystem } from './file-system.ts'

/** The same file system; of each call that comes back, well or not, it is told. */
export function watchedFiles(files: FileSystem, onReturn: () => void): FileSystem {
  const told = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call
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
    close: () => told(file.close()),
  })
  return {
    open: async (path, mode) => watched(await told(files.open(path, mode))),
    list: (path) => told(files.list(path)),
    stat: (path) => told(files.stat(path)),
    makeDirectory: (path) => told(files.makeDirectory(path)),
    rename: (from, to) => told(files.rename(from, to)),
    unlink: (path) => told(files.unlink(path)),
    syncDirectory: (path) => told(files.syncDirectory(path)),
  }
}
