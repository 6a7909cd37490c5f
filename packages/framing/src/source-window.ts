import { HoldfastError } from '@holdfast/environment'

/** Bytes that can be read at a position: a file, or anything that behaves like one. */
export interface ByteSource {
  /**
   * Fills `into` from the front with bytes from `position` on and resolves to how many. That may be fewer
   * than there is room for; 0 only at the end of the source. An error rejects.
   */
  read(into: Uint8Array, position: number): Promise<number>
}

/** Bytes read ahead at once where nothing else is asked for: 1 MiB. */
export const DEFAULT_WINDOW_BYTES: number = 1024 * 1024

const nothing: Buffer = Buffer.alloc(0)

/**
 * The part of a source that is in memory: one buffer that slides along. Something larger than the window
 * gets a buffer of exactly its own size, which is let go with the next load.
 */
export class SourceWindow {
  readonly #source: ByteSource
  readonly #windowBytes: number
  #window: Buffer | undefined

  /** What is held: `held` bytes from the front of this. Only valid until the next `load`. */
  bytes: Buffer = nothing
  /** Where in the source `bytes` begins. */
  start: number
  /** How many of `bytes` are the source's. */
  held = 0
  /** Where the source ends: what the caller said, or less once a read has found it to end earlier. */
  end: number
  /** The source ended before the end that the caller had named. */
  endedEarly = false

  constructor(source: ByteSource, start: number, end: number, windowBytes: number) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
      throw new HoldfastError('INVALID_ARGUMENT', `not a range of a source: from ${start} to ${end}`)
    }
    if (!Number.isSafeInteger(windowBytes) || windowBytes < 1) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `windowBytes must be a positive integer, not ${windowBytes}`,
      )
    }
    this.#source = source
    this.#windowBytes = windowBytes
    this.start = start
    this.end = end
  }

  /** How many bytes from `position` on are in memory. No position is before `start`: readers only go on. */
  heldFrom(position: number): number {
    return Math.max(0, this.start + this.held - position)
  }

  /**
   * Reads until at least `count` bytes from `position` on are held, or the source has ended. The caller has
   * checked that `count` bytes are left in the source: this allocates them. An error of the source passes
   * through unchanged, and loading again tries again.
   */
  async load(position: number, count: number): Promise<void> {
    if (count > this.end - position) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `there are no ${count} bytes from ${position} to ${this.end}`,
      )
    }
    this.#slideTo(position, count)
    while (this.held < count) {
      const limit = Math.min(this.bytes.length, this.end - this.start)
      const room = limit - this.held
      const read = await this.#source.read(this.bytes.subarray(this.held, limit), this.start + this.held)
      if (!Number.isInteger(read) || read < 0 || read > room) {
        throw new HoldfastError(
          'INVALID_ARGUMENT',
          `a source said it had read ${read} of at most ${room} bytes`,
        )
      }
      if (read === 0) {
        this.end = this.start + this.held
        this.endedEarly = true
        return
      }
      this.held += read
    }
  }

  /** Puts `position` at the front of a buffer with room for `count`, taking along what is already held. */
  #slideTo(position: number, count: number): void {
    const from = position - this.start
    const kept = this.heldFrom(position)
    const into = count > this.#windowBytes ? Buffer.allocUnsafeSlow(count) : this.#ownWindow(position)
    if (kept > 0) this.bytes.copy(into, 0, from, from + kept)
    this.bytes = into
    this.start = position
    this.held = kept
  }

  #ownWindow(position: number): Buffer {
    this.#window ??= Buffer.allocUnsafeSlow(Math.min(this.#windowBytes, this.end - position))
    return this.#window
  }
}
