import type { File } from '@holdfast/environment'
import type { FaultSwitch } from './faults.ts'

/** A file of a `FaultyFileSystem`. */
export class FaultyFile implements File {
  readonly #base: File
  readonly #path: string
  readonly #faults: FaultSwitch
  readonly #onClose: () => void
  #closed = false

  constructor(base: File, path: string, faults: FaultSwitch, onClose: () => void) {
    this.#base = base
    this.#path = path
    this.#faults = faults
    this.#onClose = onClose
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#transfer('read', into, position)
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#transfer('write', bytes, position)
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<number> {
    return this.#transfer('writeThrough', bytes, position)
  }

  sync(): Promise<void> {
    return this.#faults.run({ call: 'sync', path: this.#path }, () => this.#base.sync())
  }

  truncate(bytes: number): Promise<void> {
    return this.#faults.run({ call: 'truncate', path: this.#path, bytes }, () => this.#base.truncate(bytes))
  }

  size(): Promise<number> {
    return this.#faults.run({ call: 'size', path: this.#path }, () => this.#base.size())
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#onClose()
    // As the kernel has it: a close that fails has given the descriptor back all the same.
    await this.#faults.run({ call: 'close', path: this.#path }, () => this.#base.close(), { always: true })
  }

  #transfer(call: 'read' | 'write' | 'writeThrough', bytes: Uint8Array, position: number): Promise<number> {
    return this.#faults.run({ call, path: this.#path, position, bytes: bytes.length }, (limit) => {
      const taken = limit === undefined ? bytes : bytes.subarray(0, limit)
      return taken.length === 0 && bytes.length > 0 ? Promise.resolve(0) : this.#base[call](taken, position)
    })
  }
}
