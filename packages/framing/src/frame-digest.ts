import { checksum } from './checksum.ts'

const scratch: Buffer = Buffer.alloc(4)

/**
 * A digest of a sequence of frames: the CRC-32 (from 0) of their header checksums, each as a u32. A header
 * checksum covers the payload's, so this covers every byte of them and their order, without reading any of
 * them again. It guards against accidents, not against a forger.
 */
export class FrameDigest {
  #value: number

  /** Goes on from a digest's `value`; from nothing by default. */
  constructor(value: number = 0) {
    this.#value = value
  }

  /** The next frame. */
  add(headerChecksum: number): void {
    scratch.writeUInt32LE(headerChecksum)
    this.#value = checksum(scratch, this.#value)
  }

  /** The digest of what was added so far, a u32; of nothing it is 0. */
  get value(): number {
    return this.#value
  }

  /** One that goes on separately from here. */
  clone(): FrameDigest {
    return new FrameDigest(this.#value)
  }
}
