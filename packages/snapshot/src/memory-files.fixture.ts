import { type Environment, type File, type FileSystem, nodeEnvironment } from '@holdfast/environment'

/** An environment with one file, for reading, whatever its path. */
export function withFile(bytes: Buffer): Environment {
  const file: Pick<File, 'read' | 'size' | 'close'> = {
    read: async (into, position) => bytes.copy(into, 0, position),
    size: async () => bytes.length,
    close: async () => {},
  }
  const files: Pick<FileSystem, 'open'> = { open: async () => file as File }
  return { ...nodeEnvironment, files: files as FileSystem }
}
