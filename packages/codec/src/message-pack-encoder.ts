import type { FrameEncoder } from './codec.ts'
import { MessageWriter } from './message-writer.ts'

/** The values of one frame, each with the definitions of the record structures that it is the first to use. */
export class MessagePackEncoder implements FrameEncoder<unknown> {
  readonly #writer = new MessageWriter()
  #count = 0
  #markedCount = 0
  #markedBytes = 0
  #markedStructures = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#writer.bytes
  }

  add(value: unknown): number {
    const added = this.#writer.write(value)
    this.#count += 1
    return added
  }

  mark(): void {
    this.#writer.assertIdle()
    this.#markedCount = this.#count
    this.#markedBytes = this.#writer.bytes
    this.#markedStructures = this.#writer.structures
  }

  rollback(): void {
    this.#writer.cut(this.#markedBytes, this.#markedStructures)
    this.#count = this.#markedCount
  }

  copyTo(target: Buffer, offset: number): number {
    return this.#writer.copyTo(target, offset)
  }

  reset(): void {
    this.#writer.reset()
    this.#count = 0
    this.mark()
  }
}
