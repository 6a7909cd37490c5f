import * as fs from 'node:fs'
import type { File } from './file-system.ts'

type Done<T> = (error: NodeJS.ErrnoException | null, value: T) => void

/** How the platform makes bytes durable. */
export interface SyncCalls {
  /** Makes all bytes and the size of a file durable. */
  readonly sync: (descriptor: number, done: Done<void>) => void
  /** Whether a descriptor opened with O_DSYNC makes its own writes durable, all the way to the medium. */
  readonly dsync: boolean
}

/**
 * - Linux: `fdatasync` writes the bytes and the size, and flushes the disk's cache. `O_DSYNC` is the same for one write.
 * - macOS: libuv makes `fsync` the full flush (`F_FULLFSYNC`); `O_DSYNC` isn't one there.
 * - Windows: `fsync` is `FlushFileBuffers`; there is no `O_DSYNC` to be had.
 *
 * Only the Linux calls have been run by the tests of this project.
 */
export function syncCallsOf(platform: NodeJS.Platform): SyncCalls {
  return platform === 'linux'
    ? { sync: (descriptor, done) => fs.fdatasync(descriptor, (error) => done(error)), dsync: true }
    : { sync: (descriptor, done) => fs.fsync(descriptor, (error) => done(error)), dsync: false }
}

/**
 * A file on raw descriptors and callbacks: measured, they cost less for each call than a `FileHandle`.
 *
 * What a `FileHandle` does for its user is done here too: descriptors are given back only after every
 * call that uses them has returned. A number that is closed too early may be another file's by then.
 */
export class NodeFile implements File {
  readonly #path: string
  readonly #descriptor: number
  /** Opened with `O_DSYNC`, where the platform has it and the file is open for writing. */
  readonly #throughDescriptor: number | undefined
  readonly #calls: SyncCalls
  #inFlight = 0
  #closing: Promise<void> | undefined
  #whenIdle: (() => void) | undefined

  constructor(path: string, descriptor: number, throughDescriptor: number | undefined, calls: SyncCalls) {
    this.#path = path
    this.#descriptor = descriptor
    this.#throughDescriptor = throughDescriptor
    this.#calls = calls
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#run('read', (done) => fs.read(this.#descriptor, into, 0, into.length, position, done))
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#run('write', (done) => fs.write(this.#descriptor, bytes, 0, bytes.length, position, done))
  }

  async writeThrough(bytes: Uint8Array, position: number): Promise<number> {
    const descriptor = this.#throughDescriptor
    if (descriptor === undefined) {
      const count = await this.write(bytes, position)
      await this.sync()
      return count
    }
    return this.#run('write', (done) => fs.write(descriptor, bytes, 0, bytes.length, position, done))
  }

  sync(): Promise<void> {
    return this.#run('fsync', (done) => this.#calls.sync(this.#descriptor, done))
  }

  truncate(bytes: number): Promise<void> {
    return this.#run('ftruncate', (done) =>
      fs.ftruncate(this.#descriptor, bytes, (error) => done(error, undefined)),
    )
  }

  async size(): Promise<number> {
    const stats = await this.#run<fs.Stats>('fstat', (done) => fs.fstat(this.#descriptor, done))
    return stats.size
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
    }
    const closing = [closeDescriptor(this.#descriptor)]
    if (this.#throughDescriptor !== undefined) closing.push(closeDescriptor(this.#throughDescriptor))
    // Both are given back whatever the first says: a descriptor whose close failed is closed all the same.
    const failed = (await Promise.allSettled(closing)).find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #run<T>(call: string, start: (done: Done<T>) => void): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError(call, this.#path))
    return new Promise<T>((resolve, reject) => {
      start((error, value) => {
        this.#inFlight -= 1
        if (this.#inFlight === 0) this.#whenIdle?.()
        if (error) reject(error)
        else resolve(value)
      })
      // After the start, since that throws on an argument that can't be; the callback never comes in the same turn.
      this.#inFlight += 1
    })
  }
}

/** Gives a descriptor back. */
export function closeDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.close(descriptor, (error) => (error ? reject(error) : resolve()))
  })
}

/** What the kernel says of a descriptor that is closed. */
function closedError(call: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`EBADF: the file is closed, ${call} '${path}'`)
  error.code = 'EBADF'
  error.syscall = call
  error.path = path
  return error
}
