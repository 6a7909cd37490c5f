import { HoldfastError } from '@holdfast/environment'
import type { Codec, FrameEncoder } from './codec.ts'
import { GrowingBuffer } from './growing-buffer.ts'
import { MAX_VALUE_BYTES } from './limits.ts'
import { decodeFailed, notSerializable, reasons, tooLarge } from './refusals.ts'

const LENGTH_BYTES = 4

/**
 * Values that are bytes already. Each is written as its length, u32 little-endian, and its bytes. Takes any
 * Uint8Array (a Buffer is one) and always gives back a plain one that shares no memory with anything.
 */
export const bytesCodec: Codec<Uint8Array> = {
  id: 'bytes-1',
  encoder: () => new BytesEncoder(),
  decode,
}

class BytesEncoder implements FrameEncoder<Uint8Array> {
  readonly #buffer = new GrowingBuffer()
  #count = 0
  #markedCount = 0
  #markedBytes = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#buffer.bytes
  }

  add(value: Uint8Array): number {
    if (!(value instanceof Uint8Array)) throw notSerializable('$', reasons.notBytes)
    if (value.byteLength > MAX_VALUE_BYTES) throw tooLarge(MAX_VALUE_BYTES)
    this.#buffer.appendWithLength(value)
    this.#count += 1
    return LENGTH_BYTES + value.byteLength
  }

  mark(): void {
    this.#markedCount = this.#count
    this.#markedBytes = this.#buffer.bytes
  }

  rollback(): void {
    this.#buffer.cut(this.#markedBytes)
    this.#count = this.#markedCount
  }

  copyTo(target: Buffer, offset: number): number {
    return this.#buffer.copyTo(target, offset)
  }

  reset(): void {
    this.#buffer.reset()
    this.#count = 0
    this.mark()
  }
}

function decode(bytes: Uint8Array, count: number): Uint8Array[] {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new HoldfastError('INVALID_ARGUMENT', `a count of values can't be ${String(count)}`)
  }
  if (count * LENGTH_BYTES > bytes.byteLength) throw decodeFailed('more values than bytes', 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values: Uint8Array[] = []
  let at = 0
  while (values.length < count) {
    if (bytes.byteLength - at < LENGTH_BYTES) throw decodeFailed('the bytes end inside a length', at)
    const end = at + LENGTH_BYTES + view.getUint32(at, true)
    if (end > bytes.byteLength) throw decodeFailed('a value reaches past the end', at)
    // Not slice(): of a Buffer it is a view, and a Buffer.
    values.push(new Uint8Array(bytes.subarray(at + LENGTH_BYTES, end)))
    at = end
  }
  if (at !== bytes.byteLength) throw decodeFailed('bytes are left behind the last value', at)
  return values
}
