import type { File } from '@holdfast/environment'
import { errnoError } from './faults.ts'

/** What a file holds, whatever it is called: `size` bytes of `bytes`. */
export interface MemoryFileContent {
  bytes: Buffer
  size: number
}

/** An open file of a `MemoryFileSystem`. */
export class MemoryFile implements File {
  readonly #content: MemoryFileContent
  readonly #path: string
  readonly #writable: boolean
  #closed = false

  constructor(content: MemoryFileContent, path: string, writable: boolean) {
    this.#content = content
    this.#path = path
    this.#writable = writable
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#assert('read')
    const { bytes, size } = this.#content
    const count = Math.max(0, Math.min(into.length, size - position))
    into.set(bytes.subarray(position, position + count))
    return count
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    this.#assert('write', true)
    const end = position + bytes.length
    if (end > this.#content.size) this.#resize(end)
    this.#content.bytes.set(bytes, position)
    return bytes.length
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<number> {
    return this.write(bytes, position)
  }

  async sync(): Promise<void> {
    this.#assert('sync')
  }

  async truncate(bytes: number): Promise<void> {
    this.#assert('truncate', true)
    this.#resize(bytes)
  }

  async size(): Promise<number> {
    this.#assert('size')
    return this.#content.size
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #resize(size: number): void {
    const content = this.#content
    if (size > content.bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * content.bytes.length))
      content.bytes.copy(larger, 0, 0, content.size)
      content.bytes = larger
    } else if (size < content.size) {
      content.bytes.fill(0, size, content.size)
    }
    content.size = size
  }

  #assert(call: string, writing = false): void {
    if (this.#closed || (writing && !this.#writable)) throw errnoError('EBADF', { call, path: this.#path })
  }
}
