import { SeededRandom } from '@holdfast/testing/environment'

/** An input is changed in no more places than this. */
const MUTATIONS_MAX = 6

/**
 * What an input is drawn from: the seed of the run and the index of the input, and nothing else. Each
 * mutation draws from a seed of its own, so that leaving one out does not change the others: that is how an
 * input shrinks.
 */
export class Draw {
  index = 0
  /** For everything but the mutations. */
  random: SeededRandom = new SeededRandom(0)
  /** The bytes of the input, as far as the target counts them: what it may allocate is measured by that. */
  bytes = 0
  /** Told what is done to the input, where somebody wants to know. */
  listener: ((what: string) => void) | undefined
  readonly #seed: number
  readonly #target: number
  readonly #seeds: number[] = []
  #leftOut = 0

  constructor(seed: number, target: string) {
    this.#seed = seed
    this.#target = hash(target)
  }

  /** Begins the input of an index. `leftOut` has a bit for each mutation that is not made. */
  begin(index: number, leftOut = 0): void {
    this.index = index
    this.bytes = 0
    this.#leftOut = leftOut
    const high = Math.floor(index / 0x1_0000_0000)
    this.random = new SeededRandom(mix(mix(mix(this.#seed, this.#target), high), index))
    this.#seeds.length = 0
    // Each one more is half as likely: an input that is broken all over is refused at its first bytes.
    for (let coins = this.random.uint32(); this.#seeds.length < MUTATIONS_MAX; coins >>>= 1) {
      this.#seeds.push(this.random.uint32())
      if ((coins & 1) === 0) break
    }
  }

  /** How many mutations the input has, those that are left out included. */
  get mutations(): number {
    return this.#seeds.length
  }

  /** What a mutation draws from; `undefined` where it is left out. */
  mutation(which: number): SeededRandom | undefined {
    return (this.#leftOut & (1 << which)) === 0 ? new SeededRandom(this.#seeds[which] as number) : undefined
  }

  say(what: () => string): void {
    this.listener?.(what())
  }
}

/** One of them. */
export function pick<T>(random: SeededRandom, from: readonly T[]): T {
  return from[random.below(from.length)] as T
}

function mix(a: number, b: number): number {
  let mixed = Math.imul((a ^ 0x9e3779b9) >>> 0, 0x85ebca6b) ^ (b >>> 0)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 13)) >>> 0
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
