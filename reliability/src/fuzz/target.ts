import type { Draw } from './draw.ts'

/** Something that reads bytes which anybody may have made. */
export interface FuzzTarget {
  readonly name: string
  /** How many of 1,000 inputs of a run over all targets are for this one. Slow ones get few. */
  readonly share: number
  /** Makes what its inputs are made from: the same for the same seed. */
  prepare(seed: number): Promise<FuzzInputs>
}

/** The inputs of a target, each of which follows from its draw alone. */
export interface FuzzInputs {
  /** The codes that a refusal may have. Any other error is a violation. */
  readonly refusals: ReadonlySet<string>
  /**
   * Makes the input, hands it over, and says in a word what became of it. Throws what the target threw, and a
   * `Broken` where it took the input and what it made of it cannot be right.
   */
  run(draw: Draw): string | Promise<string>
}

/** Taken, and wrong. */
export class Broken extends Error {
  override readonly name = 'Broken'
}
