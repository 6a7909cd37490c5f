/**
 * The seam between values and bytes. A log frame or a snapshot chunk holds the values of one encoder, and
 * everything that its decoder needs: no state of a codec outlives a frame.
 */
export interface Codec<T> {
  /** Recorded in the files that it wrote: part of the format. */
  readonly id: string
  /** A new encoder, for the values of one frame. */
  encoder(): FrameEncoder<T>
  /**
   * The values that one encoder took, equal to what it was given, sharing nothing with `bytes`.
   * Throws DECODE_FAILED unless exactly `count` values use exactly all bytes. Safe on hostile bytes: what is
   * allocated is bounded by their number, and no stack overflows.
   */
  decode(bytes: Uint8Array, count: number): T[]
}

/**
 * Takes values one by one and holds their bytes. What it took is captured: changing the value afterwards
 * changes nothing.
 */
export interface FrameEncoder<T> {
  /** Values taken. */
  readonly count: number
  /** Bytes that they use. */
  readonly bytes: number
  /**
   * Takes a value and returns the bytes that it added. Throws NOT_SERIALIZABLE, with the path of what could
   * not be brought back exactly in the message and in `details.at`, or RECORD_TOO_LARGE, and takes nothing:
   * what was there before decodes as it would have.
   */
  add(value: T): number
  /** What is taken from here on can be given back. Of an encoder that is new or empty, that is everything. */
  mark(): void
  /** Gives back all values taken since `mark`. Does no more when called again. */
  rollback(): void
  /** Copies all bytes to `target` from `offset` on and returns their number. Changes nothing. */
  copyTo(target: Buffer, offset: number): number
  /** Forgets all values, for another frame. What it holds of memory it may use again. */
  reset(): void
}
