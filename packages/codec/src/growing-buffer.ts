import { HoldfastError } from '@holdfast/environment'

const FIRST_BYTES = 512
const NOTHING = Buffer.alloc(0)
/** What is kept for the next frame: as much as a large batch takes, and not what one huge value took. */
export const KEPT_BYTES: number = 16 * 1024 * 1024

/** Bytes in a row, appended at the end and cut there. */
export class GrowingBuffer {
  #buffer: Buffer = NOTHING
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Copies all of `source` behind its length, a u32 little-endian. */
  appendWithLength(source: Uint8Array): void {
    const bytes = source.byteLength
    this.#reserve(4 + bytes)
    const from = this.#buffer.writeUInt32LE(bytes, this.#bytes)
    this.#buffer.set(source, from)
    this.#bytes = from + bytes
  }

  /** Forgets everything from `bytes` on. */
  cut(bytes: number): void {
    this.#bytes = bytes
  }

  /** Empty, as it was made. */
  reset(): void {
    this.#bytes = 0
    if (this.#buffer.byteLength > KEPT_BYTES) this.#buffer = NOTHING
  }

  copyTo(target: Uint8Array, offset: number): number {
    assertFits(this.#bytes, target, offset)
    return this.#buffer.copy(target, offset, 0, this.#bytes)
  }

  #reserve(bytes: number): void {
    const needed = this.#bytes + bytes
    if (needed <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.byteLength * 2, FIRST_BYTES))
    this.#buffer.copy(larger, 0, 0, this.#bytes)
    this.#buffer = larger
  }
}

/** Throws INVALID_ARGUMENT unless so many bytes fit into the target from there on. */
export function assertFits(bytes: number, target: Uint8Array, offset: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && target.byteLength - offset >= bytes) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `${bytes} bytes don't fit into a target of ${target.byteLength} at ${offset}`,
  )
}
