/** One harness of the ladder: it tries, in its own way and for as long as it is told, to break a promise. */
export interface Rung<O extends RungOptions = RungOptions> {
  /** The word after `npm run reliability --`. */
  readonly name: string
  /** What it does, in a line. */
  readonly what: string
  /** Each option with its default. The seed is always one; a bound should be. */
  readonly options: O
  run(options: Readonly<{ [K in keyof O]: Widened<O[K]> }>, progress: Progress): Promise<RungResult>
}

export interface RungOptions {
  readonly seed: number
  readonly [name: string]: number | string
}

type Widened<V> = V extends number ? number : string

/** Says how far a long run has come. Not every call is printed. */
export type Progress = (line: string) => void

export interface RungResult {
  /** What was done, in counts. */
  readonly figures: Readonly<Record<string, number | string>>
  /** Each broken promise, with what replays it. Empty is what we want to see. */
  readonly violations: readonly string[]
  /** What this machine could not do, and why: `xfs: mkfs.xfs is not installed`. */
  readonly skipped: readonly string[]
}

/** A rung with its options checked against what it reads. */
export function defineRung<const O extends RungOptions>(rung: Rung<O>): Rung {
  return rung
}
