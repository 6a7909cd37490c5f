import { MAX_DEPTH } from '@holdfast/codec'
import { type Builder, builderOf } from './builders.ts'
import { isLeafKind } from './container.ts'
import { malformed } from './refusals.ts'

/** Puts values together again that were taken apart: the counterpart of `ValueWalker`. */
export class ValueAssembler {
  readonly #stack: Builder[] = []
  #complete: unknown[] = []
  /** What is open takes pieces only. So the memory for a size that was believed is only ever taken once. */
  #inLeaf = false

  /** How many values are open, each inside the one before it. */
  get depth(): number {
    return this.#stack.length
  }

  /** A value of this kind and size begins, at the level that is open. */
  open(kind: number, size: number, bytesLeft: number): void {
    const isLeaf = isLeafKind(kind)
    if (this.#inLeaf) throw malformed('a value begins inside a string or binary data')
    if (this.#stack.length >= MAX_DEPTH && !isLeaf)
      throw malformed(`a value is nested more than ${MAX_DEPTH} deep`)
    this.#stack.push(builderOf(kind, size, bytesLeft))
    this.#inLeaf = isLeaf
  }

  /** The value that was opened last is complete. */
  close(): void {
    const builder = this.#stack.pop()
    if (builder === undefined) throw malformed('a value ends that was not begun')
    this.#inLeaf = false
    this.add([builder.finish()], 0, 1)
  }

  /** Complete values, at the level that is open: those of `values` from `from` on, before `to`. */
  add(values: readonly unknown[], from: number, to: number): void {
    const builder = this.#stack.at(-1)
    if (builder !== undefined) builder.take(values, from, to)
    else for (let index = from; index < to; index++) this.#complete.push(values[index])
  }

  /** The values at the top level that were completed since this was last asked. */
  takeComplete(): unknown[] {
    const complete = this.#complete
    this.#complete = []
    return complete
  }
}
