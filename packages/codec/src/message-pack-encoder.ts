import type { FrameEncoder } from './codec.ts'
import { MessageWriter } from './message-writer.ts'

/** The values of one frame, each with the definitions of the record structures that it is the first to use. */
export class MessagePackEncoder implements FrameEncoder<unknown> {
  readonly #writer = new MessageWriter()
  #count = 0
  #lastCount = 0
  #lastBytes = 0
  #lastStructures = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#writer.bytes
  }

  add(value: unknown): number {
    const { bytes, structures } = this.#writer
    const added = this.#writer.write(value)
    this.#lastBytes = bytes
    this.#lastStructures = structures
    this.#lastCount = this.#count++
    return added
  }

  rollback(): void {
    this.#writer.cut(this.#lastBytes, this.#lastStructures)
    this.#count = this.#lastCount
  }

  copyTo(target: Buffer, offset: number): number {
    return this.#writer.copyTo(target, offset)
  }

  reset(): void {
    this.#writer.reset()
    this.#count = 0
    this.#lastCount = 0
    this.#lastBytes = 0
    this.#lastStructures = 0
  }
}
