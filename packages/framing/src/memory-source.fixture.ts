import type { ByteSource } from './source-window.ts'

/** A source over bytes in memory that counts what is asked of it, and reads as short as it is told to. */
export class MemorySource implements ByteSource {
  reads = 0
  bytesRead = 0
  largestRequestBytes = 0
  readonly #bytes: Uint8Array
  readonly #atMost: (room: number) => number

  /** `atMost` says how many bytes the next read returns at most; at least one is returned if there is one. */
  constructor(bytes: Uint8Array, atMost: (room: number) => number = (room) => room) {
    this.#bytes = bytes
    this.#atMost = atMost
  }

  read(into: Uint8Array, position: number): Promise<number> {
    this.reads++
    this.largestRequestBytes = Math.max(this.largestRequestBytes, into.length)
    const count = Math.max(1, Math.min(into.length, this.#atMost(into.length)))
    const part = this.#bytes.subarray(position, position + count)
    into.set(part)
    this.bytesRead += part.length
    return Promise.resolve(part.length)
  }
}
