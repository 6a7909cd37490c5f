import * as fs from 'node:fs'
import { lstat, mkdir, readdir, rename, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from './errors.ts'
import type { File, FileStat, FileSystem, OpenMode } from './file-system.ts'
import { errnoOf } from './io-error.ts'
import { closeDescriptor, NodeFile, type SyncCalls, syncCallsOf } from './node-file.ts'
import { renameWithRetries } from './rename-with-retries.ts'

/** For the owner only. The umask can only take bits away, which is as well; nothing adds them back. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants

/**
 * Never through a symbolic link, and never waiting for the other end of a FIFO.
 * Windows has neither flag: what stands there is looked at before it is opened.
 */
export const SAFELY: number = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0)

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | SAFELY,
  write: O_RDWR | SAFELY,
  create: O_RDWR | O_CREAT | O_EXCL | SAFELY,
}

/** What the system says where there is something, but nothing that can be opened as a file. */
const NO_FILE_CODES: ReadonlySet<string> = new Set(['ELOOP', 'EISDIR', 'ENXIO', 'EMLINK'])

/** The file system of Node.js. */
export class NodeFileSystem implements FileSystem {
  readonly #platform: NodeJS.Platform
  readonly #calls: SyncCalls

  /** The platform decides which calls are durable; another one than this machine's is for tests. */
  constructor(platform: NodeJS.Platform = process.platform) {
    this.#platform = platform
    this.#calls = syncCallsOf(platform)
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    if (this.#platform === 'win32' && mode !== 'create') await refuseOtherThings(path)
    const descriptor = await openDescriptor(path, FLAGS[mode])
    let throughDescriptor: number | undefined
    try {
      const identity = await fileIdentity(descriptor, path)
      if (mode !== 'read' && this.#calls.dsync) {
        throughDescriptor = await openDescriptor(path, O_WRONLY | fs.constants.O_DSYNC | SAFELY)
        // Between the two opens the name may have been given to another file.
        if ((await fileIdentity(throughDescriptor, path)) !== identity) {
          throw new HoldfastError('NOT_A_FILE', 'the file was replaced while it was being opened', { path })
        }
      }
    } catch (error) {
      await closeDescriptor(descriptor).catch(() => {})
      if (throughDescriptor !== undefined) await closeDescriptor(throughDescriptor).catch(() => {})
      // A file that was made and couldn't be opened would stand in the way of the next attempt.
      if (mode === 'create') await unlink(path).catch(() => {})
      throw error
    }
    return new NodeFile(path, descriptor, throughDescriptor, this.#calls)
  }

  list(path: string): Promise<string[]> {
    return readdir(path)
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const stats = await lstat(path)
      return { type: typeOf(stats), bytes: stats.size }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async makeDirectory(path: string): Promise<boolean> {
    try {
      await mkdir(path, { mode: DIRECTORY_MODE })
      return true
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      const stat = await this.stat(path)
      if (stat?.type === 'directory') return false
      throw new HoldfastError('NOT_A_FILE', 'something else stands where a directory should be', {
        path,
        cause: error,
      })
    }
  }

  rename(from: string, to: string): Promise<void> {
    return this.#platform === 'win32' ? renameWithRetries(rename, sleep, from, to) : rename(from, to)
  }

  unlink(path: string): Promise<void> {
    return unlink(path)
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows can't sync a directory: a handle on one is refused, and NTFS journals names by itself.
    if (this.#platform === 'win32') return
    // A directory of the store's may be reached through a link that its owner made: followed, unlike a file.
    const descriptor = await openDescriptor(path, O_RDONLY | fs.constants.O_DIRECTORY)
    try {
      await new Promise<void>((resolve, reject) => {
        fs.fsync(descriptor, (error) => (error ? reject(error) : resolve()))
      })
    } finally {
      await closeDescriptor(descriptor)
    }
  }
}

/** Opens, with `NOT_A_FILE` for what can't be opened as a file. The kernel closes it in child processes. */
export function openDescriptor(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, FILE_MODE, (error, descriptor) => {
      if (error === null) resolve(descriptor)
      else reject(NO_FILE_CODES.has(error.code ?? '') ? notAFile(path, error) : error)
    })
  })
}

/** The device and inode of a regular file; anything else is refused. */
export function fileIdentity(descriptor: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    fs.fstat(descriptor, { bigint: true }, (error, stats) => {
      if (error) reject(error)
      else if (stats.isFile()) resolve(`${stats.dev}:${stats.ino}`)
      else reject(notAFile(path))
    })
  })
}

/** The device and inode of what stands at the path, or `undefined`. */
export async function identityAt(path: string): Promise<string | undefined> {
  try {
    const stats = await lstat(path, { bigint: true })
    return `${stats.dev}:${stats.ino}`
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function refuseOtherThings(path: string): Promise<void> {
  if (typeOf(await lstat(path)) !== 'file') throw notAFile(path)
}

function notAFile(path: string, cause?: unknown): HoldfastError {
  return new HoldfastError('NOT_A_FILE', 'what stands where a file should be is not a regular file', {
    path,
    cause,
  })
}

function typeOf(stats: fs.Stats): FileStat['type'] {
  if (stats.isFile()) return 'file'
  return stats.isDirectory() ? 'directory' : 'other'
}
