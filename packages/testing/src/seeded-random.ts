import type { Random } from '@holdfast/environment'

/** Random numbers that come again with the same seed: splitmix32. */
export class SeededRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  uint32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }

  bytes(count: number): Uint8Array {
    const bytes = Buffer.alloc(count)
    for (let at = 0; at < count; at += 1) bytes[at] = this.uint32() & 0xff
    return bytes
  }

  /** An integer from 0 to one below the limit. The bias of a limit below 2^20 is below one in 4,000. */
  below(limit: number): number {
    return this.uint32() % limit
  }
}
