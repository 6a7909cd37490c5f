import { bytesCodec, type Codec, MAX_DEPTH } from '@holdfast/codec'
import { assertContainer } from './assert-container.ts'
import type { ChunkEncoder } from './chunk-encoder.ts'
import { bytesKind, containerKind, isLeafKind } from './container.ts'
import { located, notSerializable } from './refusals.ts'
import type { Pace } from './pace.ts'
import { exceedsInline } from './size-bound.ts'
import { END, type Slots, slotsOf } from './slots.ts'

/** Goes on for as long as there is something to do. */
const UNHURRIED = { isSliceOver: false }

/**
 * Feeds values to the chunks: small ones whole, large ones taken apart slot by slot, with a stack of its own
 * instead of recursion, so that it can stop wherever a chunk is full, or others want their turn, and go on later.
 *
 * Throws `NOT_SERIALIZABLE` with the path of what was refused, and `SNAPSHOT_FAILED` where a value was
 * changed while it was being taken apart. After either it is of no more use.
 */
export class ValueWalker {
  readonly #chunk: ChunkEncoder
  readonly #kindOf: (value: unknown) => number | undefined
  readonly #pace: Pick<Pace, 'isSliceOver'>
  readonly #stack: Slots[] = []
  #entries = 0

  constructor(chunk: ChunkEncoder, codec: Codec<unknown>, pace: Pick<Pace, 'isSliceOver'> = UNHURRIED) {
    this.#chunk = chunk
    this.#pace = pace
    this.#kindOf = codec.id === bytesCodec.id ? bytesKind : containerKind
  }

  /** How many values were begun. */
  get entries(): number {
    return this.#entries
  }

  /** Adds a value at the top level, and goes on as `resume` does. */
  add(value: unknown): boolean {
    this.#entries++
    try {
      this.#slot(value)
    } catch (error) {
      throw this.#located(error)
    }
    return this.#stack.length > 0 ? this.#isToStop || this.resume() : this.#isToStop
  }

  /**
   * Goes on with the value that is open. True: the chunk is full, or it is time for a rest; see to that and go
   * on. False: the value is complete.
   */
  resume(): boolean {
    const stack = this.#stack
    const chunk = this.#chunk
    try {
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        const slot = top.next()
        if (slot === END) {
          stack.pop()
          chunk.close()
        } else this.#slot(slot)
        if (this.#isToStop) return true
      }
    } catch (error) {
      throw this.#located(error)
    }
    return false
  }

  get #isToStop(): boolean {
    return this.#chunk.isFull || this.#pace.isSliceOver
  }

  #slot(value: unknown): void {
    const kind = exceedsInline(value, MAX_DEPTH - this.#stack.length) ? this.#kindOf(value) : undefined
    if (kind === undefined) this.#chunk.value(value)
    else this.#open(value, kind)
  }

  #open(value: unknown, kind: number): void {
    if (!isLeafKind(kind)) this.#checkNesting(value)
    assertContainer(value, kind)
    const slots = slotsOf(value, kind)
    this.#chunk.open(kind, slots.size)
    this.#stack.push(slots)
  }

  #checkNesting(value: unknown): void {
    if (this.#stack.some((slots) => slots.value === value)) throw notSerializable('is inside itself')
    if (this.#stack.length >= MAX_DEPTH) throw notSerializable(`is more than ${MAX_DEPTH} containers deep`)
  }

  #located(error: unknown): unknown {
    const steps = this.#stack.map((slots) => slots.step())
    return located(error, steps, this.#entries - 1)
  }
}
