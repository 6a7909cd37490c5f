import { TextDecoder } from 'node:util'
import { HoldfastError } from '@holdfast/environment'

const TWO_TO_32 = 0x1_0000_0000
// A byte-order mark is a character like any other: it must come back.
const utf8: TextDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads fields one behind the other, little-endian. It throws `DECODE_FAILED` instead of reading past the
 * end or returning what the bytes do not say, and allocates nothing that a length in them asks for.
 */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  #position: number

  /** From `start` to `end` of `bytes`: all of it by default. */
  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    if (
      !Number.isSafeInteger(start) ||
      !Number.isSafeInteger(end) ||
      start < 0 ||
      end < start ||
      end > bytes.length
    ) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `not a range of ${bytes.length} bytes: from ${start} to ${end}`,
      )
    }
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#position = start
    this.#end = end
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#end - this.#position
  }

  u8(): number {
    return this.#bytes[this.#advance(1)] as number
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4))
  }

  /** Eight bytes as a safe integer. */
  u64(): number {
    const at = this.#advance(8)
    const value = this.#bytes.readUInt32LE(at + 4) * TWO_TO_32 + this.#bytes.readUInt32LE(at)
    if (value > Number.MAX_SAFE_INTEGER) throw failed(`the number at ${at} is larger than 2^53 - 1`)
    return value
  }

  /** The next `count` bytes, as a view. */
  bytes(count: number): Buffer {
    const at = this.#advance(count)
    return this.#bytes.subarray(at, at + count)
  }

  /** All that is left, as a view. */
  rest(): Buffer {
    return this.bytes(this.remaining)
  }

  /** A u16 with the length in bytes, then the text in UTF-8. */
  string(): string {
    const bytes = this.bytes(this.u16())
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw failed(`the text before ${this.#position} is not UTF-8`, cause)
    }
  }

  /** Throws unless every byte has been read. */
  done(): void {
    if (this.remaining > 0) throw failed(`${this.remaining} bytes are left over from ${this.#position} on`)
  }

  /** Takes `count` bytes and returns where they begin. */
  #advance(count: number): number {
    const at = this.#position
    if (!(count >= 0 && count <= this.#end - at)) {
      throw failed(`${count} bytes are needed at ${at}, and ${this.remaining} are left`)
    }
    this.#position = at + count
    return at
  }
}

function failed(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError('DECODE_FAILED', message, { cause })
}
