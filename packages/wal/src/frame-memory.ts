/** From here on memory is worth keeping: the system hands out fresh memory page by page, as it is first touched. */
const MIN_BYTES = 64 * 1024
/** A frame of a batch that is full, and somewhat more. What a huge one took is given back to the system. */
const MAX_BYTES = 8 * 1024 * 1024
/** One frame is written, one acted on, one filled. */
const SPARES = 3

/** Memory of frames that are done with, for the next ones. */
export class FrameMemory {
  readonly #spares: Buffer[] = []

  /** So many bytes at least, with anything in them. */
  take(bytes: number): Buffer {
    if (bytes < MIN_BYTES || bytes > MAX_BYTES) return Buffer.allocUnsafe(bytes)
    const index = this.#spares.findIndex((spare) => spare.length >= bytes)
    const [spare] = index < 0 ? [] : this.#spares.splice(index, 1)
    return spare ?? Buffer.allocUnsafeSlow(Math.min(MAX_BYTES, 2 ** Math.ceil(Math.log2(bytes))))
  }

  /** Nobody looks at it any more. */
  give(memory: Buffer): void {
    if (memory.length < MIN_BYTES || memory.length > MAX_BYTES) return
    this.#spares.push(memory)
    // The largest serve all.
    this.#spares.sort((a, b) => a.length - b.length)
    if (this.#spares.length > SPARES) this.#spares.shift()
  }
}
