/** A bug that a careless change could plant: one place of one package, written otherwise. */
export interface Bug {
  /** What is wrong with it, in a few words. */
  readonly name: string
  /** The rows of the fault table that it makes matter, or the invariants (`I8`) where no row does. */
  readonly rows: readonly (number | string)[]
  /** From the top of the repository. */
  readonly file: string
  /** Must stand in the file exactly once: a bug that no longer fits is an error. */
  readonly find: string
  readonly replace: string
  readonly killedBy: Sentence
}

/**
 * Which harness finds it, and where to begin so that it does so soon: it goes on from that seed. Two of them
 * begin with another number each time and so have one; the others do the same each time.
 */
export type Sentence =
  | { readonly harness: SeededHarness; readonly seed: number }
  /** A contract suite, or the tests beside the source: a file of them, or those in it whose names match. */
  | { readonly harness: 'tests'; readonly file: string; readonly test?: string }

/** Those that run in a child of the zoo. */
export type SeededHarness =
  | 'simulated log'
  | 'simulated engine'
  | 'failing log'
  | 'failing engine'
  | 'damage after a close'
  | 'damage after a crash'
  | `fuzzed ${'frames' | 'codec' | 'log' | 'manifest' | 'snapshot' | 'store'}`

/** The same for messages and the table. */
export function nameOf(sentence: Sentence): string {
  return sentence.harness === 'tests' ? sentence.file.replace('packages/', '') : sentence.harness
}
