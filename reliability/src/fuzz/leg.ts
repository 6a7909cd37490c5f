/** A run of inputs of one target, one behind the other. */
export interface Leg {
  readonly target: string
  readonly first: number
  readonly count: number
}

/** What a child is told. */
export interface ChildOrders {
  readonly seed: number
  /** The module that exports `TARGETS`. */
  readonly targets: string
  readonly legs: readonly Leg[]
  /** Says each input before it hands it over, and looks at the memory after each. Slow. */
  readonly each: boolean
}

/** What it says, a line of JSON each. */
export type ChildReport =
  /** The input of this index of a leg is next. What came of those before it. */
  | { readonly at: number; readonly leg: number; readonly counts: Counts }
  /** Of the input that is next, what is done to it. */
  | { readonly said: string }
  /** It was not as it must be. The child goes on. */
  | { readonly found: string; readonly leg: number; readonly index: number; readonly by: readonly string[] }
  /** More memory was taken than may be. It ends. */
  | { readonly memory: string }
  | { readonly done: true; readonly counts: Counts; readonly figures: ChildFigures }

/** How many inputs came to what, by `<target>: <outcome>`. */
export type Counts = Readonly<Record<string, number>>

export interface ChildFigures {
  /** The most memory that the process ever had. */
  readonly rssBytes: number
  /** The most that stood outside of the heap when it was looked at. */
  readonly externalBytes: number
}

/** Where it speaks. */
export const REPORT_PIPE = 3
/** It speaks at least so often, as long as it does not hang. */
export const REPORT_EVERY_MS = 100
