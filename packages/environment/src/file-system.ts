/**
 * The file system, as far as Holdfast uses one: little enough that it can be simulated, with power cuts.
 *
 * Methods reject with the error of the system as it is (`code: 'EIO'` and so on): the layer that knows
 * what it was doing wraps it with `ioError`. The one exception is `NOT_A_FILE`, a `HoldfastError`, where
 * something stands in the place of a file or directory that must not be followed or opened.
 *
 * Nothing is durable unless the method says so. A new, renamed or removed name is durable once
 * `syncDirectory` of its parent has returned.
 */
export interface FileSystem {
  /** Opens a regular file. Symbolic links are not followed; anything but a regular file is `NOT_A_FILE`. */
  open(path: string, mode: OpenMode): Promise<File>
  /** The names in a directory, in no order. */
  list(path: string): Promise<string[]>
  /** What stands at the path itself (a symbolic link is 'other'); `undefined` only where nothing does. */
  stat(path: string): Promise<FileStat | undefined>
  /**
   * Makes one directory, for its owner only (0700, less what the umask takes away).
   * `false` if a directory was there already; anything else in its place is `NOT_A_FILE`.
   */
  makeDirectory(path: string): Promise<boolean>
  /** Moves a name over another, atomically, within one file system. */
  rename(from: string, to: string): Promise<void>
  /** Removes the name of a file. */
  unlink(path: string): Promise<void>
  /**
   * Makes the names in a directory durable: those added, renamed and removed before the call.
   * Where the platform has no such call (Windows) it does nothing.
   */
  syncDirectory(path: string): Promise<void>
}

/**
 * - `read`: an existing file, for reading.
 * - `write`: an existing file, for reading and writing.
 * - `create`: a new file, for reading and writing, for its owner only (0600, less what the umask takes
 *   away). It must not be there: EEXIST.
 */
export type OpenMode = 'read' | 'write' | 'create'

/** What stands at a path. */
export interface FileStat {
  /** A symbolic link is 'other'. */
  readonly type: 'file' | 'directory' | 'other'
  /** The size of a file; of anything else, without meaning. */
  readonly bytes: number
}

/**
 * An open regular file. Positions and sizes are in bytes from its start.
 *
 * Calls may overlap; the one who calls sees to it that writes which overlap in bytes don't overlap in time.
 */
export interface File {
  /** Reads from a position: how many bytes came, perhaps fewer than there is room for, 0 only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes at a position: how many bytes were taken, perhaps fewer than were passed. Nothing is durable. */
  write(bytes: Uint8Array, position: number): Promise<number>
  /**
   * As `write`, but on return the bytes that were taken, and a size of the file that reaches them, are
   * durable. It says nothing of bytes that went through `write`: those need `sync`.
   */
  writeThrough(bytes: Uint8Array, position: number): Promise<number>
  /**
   * Makes all bytes and the size of the file durable, whichever way they were written.
   *
   * One that failed must not be tried again: the kernel may have dropped the bytes, and the second call
   * would succeed without them.
   */
  sync(): Promise<void>
  /** Sets the size. What is added reads as zeros. Durable with the next `sync`. */
  truncate(bytes: number): Promise<void>
  /** The size now. */
  size(): Promise<number>
  /**
   * Gives the descriptors back once the calls under way have ended. Says nothing about durability. A second
   * call does nothing; every other call from here on rejects with EBADF.
   */
  close(): Promise<void>
}
