/** One subject of the benchmark: what is run for it, and what is said of the results. */
export interface Part {
  /** The word after `npm run bench -- --only`. */
  readonly name: string
  /** What it measures, in a line. */
  readonly what: string
  cells(plan: Plan): readonly Cell[]
  report(results: readonly CellResult[]): Report
}

export interface Plan {
  /** One round of a hundredth of everything: it shows that all runs, and no figure of it means anything. */
  readonly quick: boolean
}

/** What is compared: in each round every contender has one run, in a process and a directory of its own. */
export interface Cell {
  readonly id: string
  readonly rounds: number
  readonly contenders: readonly Contender[]
}

/** A program of ours, run in a process of its own. */
export interface Run {
  readonly name: string
  /** The file; it gets the input and its place, and answers with a line. */
  readonly program: string
  readonly input: object
  /** How long it takes, about: progress is counted in it, and many times as long ends it. */
  readonly seconds: number
  /** Its start is what is measured: it does without the compiled code that the others find. */
  readonly cold?: boolean
}

export interface Contender extends Run {
  /** What it reads: made by a run of its own, once for all that need one of that name. */
  readonly needs?: Run
}

/** What a run measured, by name, with the unit in the name. What could not be read is not there. */
export type Figures = Readonly<Record<string, number>>

/** What came of a run: nothing that went wrong is left out. */
export type Outcome =
  | { readonly figures: Figures }
  | { readonly failed: string }
  /** What this machine does not have: `redis-server is not installed`. */
  | { readonly skipped: string }

export interface CellResult {
  readonly id: string
  /** The outcomes of each contender, round by round. */
  readonly outcomes: Readonly<Record<string, readonly Outcome[]>>
}

export interface Report {
  /** Markdown by the name of the marker that it stands behind in README.md or docs/performance.md. */
  readonly sections: Readonly<Record<string, string>>
  /** SVG by the name of the file in docs/charts. */
  readonly charts: Readonly<Record<string, string>>
}
