import { HoldfastError } from '@holdfast/environment'

const FIRST_BYTES = 1024
const NOTHING = Buffer.alloc(0)

/** Up to here, a loop beats the call into native code. */
const LOOP_BYTES = 128

/** Bytes in a row, appended at the end and cut there. */
export class GrowingBuffer {
  #buffer: Buffer = NOTHING
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Copies `source[start, end)` behind what is there. */
  append(source: Uint8Array, start: number, end: number): void {
    const bytes = end - start
    this.#reserve(bytes)
    const buffer = this.#buffer
    let at = this.#bytes
    if (bytes <= LOOP_BYTES) {
      for (let from = start; from < end; from++) buffer[at++] = source[from] as number
    } else {
      buffer.set(source.subarray(start, end), at)
    }
    this.#bytes += bytes
  }

  /** Little-endian. */
  appendU32(value: number): void {
    this.#reserve(4)
    this.#bytes = this.#buffer.writeUInt32LE(value, this.#bytes)
  }

  /** Forgets everything from `bytes` on. */
  cut(bytes: number): void {
    this.#bytes = bytes
  }

  copyTo(target: Uint8Array, offset: number): number {
    if (!Number.isSafeInteger(offset) || offset < 0 || target.byteLength - offset < this.#bytes) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `${this.#bytes} bytes don't fit into a target of ${target.byteLength} at ${offset}`,
      )
    }
    target.set(this.#buffer.subarray(0, this.#bytes), offset)
    return this.#bytes
  }

  #reserve(bytes: number): void {
    const needed = this.#bytes + bytes
    if (needed <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.byteLength * 2, FIRST_BYTES))
    larger.set(this.#buffer.subarray(0, this.#bytes))
    this.#buffer = larger
  }
}
