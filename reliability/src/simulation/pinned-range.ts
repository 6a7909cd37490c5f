import { type CommandTypes, isHoldfastError, type Pin, type Store } from 'holdfast'

/**
 * A part of the log that a follower has pinned. As long as its pin is not dropped, all of it can be read; once it
 * was, nothing is read in its place.
 */
export class PinnedRange<State extends object, Types extends CommandTypes> {
  readonly #store: Store<State, Types>
  readonly #maxBytes: number
  #pin: Pin

  constructor(store: Store<State, Types>, maxBytes: number) {
    this.#store = store
    this.#maxBytes = maxBytes
    this.#pin = this.#take()
  }

  /** In the place of a pin that was dropped a new one is taken. */
  renew(): void {
    if (this.#pin.dropped) this.#pin = this.#take()
  }

  /** Reads all of it, up to what is durable; the pin then goes half of the way on. */
  async check(): Promise<void> {
    const pin = this.#pin
    const { from } = pin
    const through = this.#store.durableSeq
    let next = from
    let gap: unknown
    try {
      if (next <= through) {
        for await (const { seq } of this.#store.changes({ from })) {
          if (seq !== next) throw new Error(`I2: sequence ${seq} where ${next} belongs`)
          next += 1
          if (seq >= through) break
        }
      }
    } catch (error) {
      if (!isHoldfastError(error, 'GAP')) throw error
      gap = error
    }
    // Another call may have gone on with it meanwhile.
    if (pin.dropped || pin !== this.#pin || pin.from !== from) return
    if (next <= through) throw new Error(`I1: ${next} was pinned, and is gone`, { cause: gap })
    else pin.advance(from + Math.floor((through + 1 - from) / 2))
  }

  #take(): Pin {
    const { firstSeq } = this.#store.stats().log
    return this.#store.pin({ owner: 'a follower', from: firstSeq, maxBytes: this.#maxBytes })
  }
}
