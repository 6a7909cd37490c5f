import { HoldfastError } from '@holdfast/environment'

const MAX_STRING_BYTES = 0xffff
const TWO_TO_32 = 0x1_0000_0000
const loneSurrogate: RegExp = /\p{Surrogate}/u

/** Writes fields one behind the other into a buffer, little-endian, and never past its end. */
export class ByteWriter {
  readonly #buffer: Buffer
  readonly #start: number
  #position: number

  constructor(buffer: Buffer, start: number = 0) {
    if (!Number.isSafeInteger(start) || start < 0 || start > buffer.length) {
      throw new HoldfastError('INVALID_ARGUMENT', `there is no offset ${start} in ${buffer.length} bytes`)
    }
    this.#buffer = buffer
    this.#start = start
    this.#position = start
  }

  /** Where the next field goes, in the buffer. */
  get position(): number {
    return this.#position
  }

  /** How many bytes there is room for. */
  get remaining(): number {
    return this.#buffer.length - this.#position
  }

  /** A view of what was written. */
  written(): Buffer {
    return this.#buffer.subarray(this.#start, this.#position)
  }

  u8(value: number): this {
    assertUnsigned(value, 0xff)
    this.#buffer[this.#advance(1)] = value
    return this
  }

  u16(value: number): this {
    assertUnsigned(value, 0xffff)
    this.#buffer.writeUInt16LE(value, this.#advance(2))
    return this
  }

  u32(value: number): this {
    assertUnsigned(value, 0xffffffff)
    this.#buffer.writeUInt32LE(value, this.#advance(4))
    return this
  }

  /** A safe integer from 0 on, as eight bytes. */
  u64(value: number): this {
    assertUnsigned(value, Number.MAX_SAFE_INTEGER)
    const at = this.#advance(8)
    this.#buffer.writeUInt32LE(value % TWO_TO_32, at)
    this.#buffer.writeUInt32LE(Math.floor(value / TWO_TO_32), at + 4)
    return this
  }

  /** The bytes as they are; their number is for the caller to write. */
  bytes(value: Uint8Array): this {
    this.#buffer.set(value, this.#advance(value.length))
    return this
  }

  /** A u16 with the length in bytes, then the text in UTF-8. */
  string(value: string): this {
    const bytes = Buffer.byteLength(value)
    if (bytes > MAX_STRING_BYTES) {
      throw new HoldfastError('INVALID_ARGUMENT', `a text of ${bytes} bytes is more than ${MAX_STRING_BYTES}`)
    }
    if (loneSurrogate.test(value)) {
      throw new HoldfastError('INVALID_ARGUMENT', 'a text with a lone surrogate has no UTF-8')
    }
    const at = this.#advance(2 + bytes)
    this.#buffer.writeUInt16LE(bytes, at)
    this.#buffer.write(value, at + 2)
    return this
  }

  /** Takes `count` bytes and returns where they begin. */
  #advance(count: number): number {
    const at = this.#position
    if (count > this.#buffer.length - at) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `${count} bytes do not fit into the ${this.remaining} that are left`,
      )
    }
    this.#position = at + count
    return at
  }
}

function assertUnsigned(value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return
  throw new HoldfastError('INVALID_ARGUMENT', `an integer from 0 to ${max} is needed, not ${value}`)
}
