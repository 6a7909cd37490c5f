import { HoldfastError } from '@holdfast/environment'
import { assertSerializable } from './assert-serializable.ts'
import type { FrameEncoder } from './codec.ts'
import { GrowingBuffer } from './growing-buffer.ts'
import { MessageWalk } from './message-walk.ts'
import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from './msgpackr.ts'
import { encoderClosed, notSerializable, reasons } from './refusals.ts'

/**
 * msgpackr writes into one buffer of the process, which the application's own use of it shares. In this mode
 * `pack` gives back that buffer with `start` and `end`, and leaves the position where it was: we copy the bytes
 * out, and nobody's are overwritten.
 */
const PACK_MODE = REUSE_BUFFER_MODE | RESET_BUFFER_MODE
interface Packed extends Buffer {
  readonly start: number
  readonly end: number
}

/** What a large value made that buffer grow to is not kept. */
const SHARED_BUFFER_BYTES = 8 * 1024
const MAX_SHARED_BUFFER_BYTES = 1024 * 1024

/**
 * The values of one frame, each with the definitions of the record structures that it is the first to use. A
 * packer remembers which structures it defined; if it threw, or its bytes were given back, it remembers some
 * that the frame lacks, and the records after them would decode as something else. Therefore one packer for
 * each frame, and none goes on after that.
 */
export class MessagePackEncoder implements FrameEncoder<unknown> {
  // `structures` must not be given: with it, msgpackr takes them for known to the reader.
  readonly #packr = new Packr({ sequential: true, moreTypes: true, useToJSON: false })
  readonly #walk = new MessageWalk()
  readonly #buffer: GrowingBuffer = new GrowingBuffer()
  #count = 0
  #closed = false
  #packing = false
  #lastCount = 0
  #lastBytes = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#buffer.bytes
  }

  get closed(): boolean {
    return this.#closed
  }

  add(value: unknown): number {
    this.#assertOpen()
    assertSerializable(value)
    this.#begin()
    return this.#append(value)
  }

  addAll(values: readonly unknown[]): number {
    this.#assertOpen()
    for (let index = 0; index < values.length; index++) assertSerializable(values[index], index)
    this.#begin()
    let bytes = 0
    for (let index = 0; index < values.length; index++) bytes += this.#append(values[index], index)
    return bytes
  }

  rollback(): void {
    this.#closed = true
    this.#buffer.cut(this.#lastBytes)
    this.#count = this.#lastCount
  }

  copyTo(target: Buffer, offset: number): number {
    return this.#buffer.copyTo(target, offset)
  }

  #assertOpen(): void {
    if (this.#closed) throw encoderClosed()
    if (this.#packing) {
      throw new HoldfastError('INVALID_ARGUMENT', 'a getter of the value being encoded used its encoder')
    }
  }

  #begin(): void {
    // Getters ran, and may have closed it.
    this.#assertOpen()
    this.#lastBytes = this.#buffer.bytes
    this.#lastCount = this.#count
  }

  #append(value: unknown, index?: number): number {
    this.#packing = true
    try {
      const packed = this.#packr.pack(value, PACK_MODE) as Packed
      const { start, end } = packed
      this.#walk.pass(packed, start, end, 1)
      this.#buffer.append(packed, start, end)
      if (packed.byteLength > MAX_SHARED_BUFFER_BYTES) {
        this.#packr.useBuffer(Buffer.allocUnsafeSlow(SHARED_BUFFER_BYTES))
      }
      this.#count++
      return end - start
    } catch (cause) {
      this.rollback()
      throw notSerializable('$', reasons.changed, { index, cause })
    } finally {
      this.#packing = false
    }
  }
}
