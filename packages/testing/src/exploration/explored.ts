export interface ExploreOptions {
  readonly seed: number
  readonly workloads: number
  /** Random survivals at each operation, beside the extremes and the kills. */
  readonly survivals: number
  readonly steps?: number
  readonly faults?: boolean
  /** Of so many recoveries one is cut off itself, at some of its operations. Default 40; 0 for none. */
  readonly nestedEvery?: number
  /** Damages what was closed cleanly, and what a crash left, as well. Default true. */
  readonly damage?: boolean
  /** Ends each workload once so many records have been submitted. Default: after its steps. */
  readonly records?: number
  /** Stops after so many failing runs. Default 20. */
  readonly maxFailures?: number
  /** Begins no further recovery after so many: a bound that is the same on every machine. */
  readonly maxRecoveries?: number
  /** Stops after so many milliseconds, behind the workload that is under way. */
  readonly budgetMs?: number
  /** Called behind each workload. */
  readonly onWorkload?: (soFar: Readonly<Explored>) => void
  /** Of the steps of a workload, only these. */
  readonly kept?: ReadonlySet<number>
  /** See `SimulatedEnvironmentOptions`. */
  readonly losesNames?: boolean
  /** Replays one: see `Failure.replay`. */
  readonly only?: { readonly workload: number; readonly cuts: string }
}

export interface Failure {
  /** Says which run it was: `--seed 1 --workload 7 --cuts 31:nothing/4:kill`. */
  readonly replay: string
  readonly workload: number
  /** Where it was cut off, from the outside in; empty where it failed without. */
  readonly cuts: string
  readonly error: Error
}

export interface Explored {
  workloads: number
  operations: number
  points: number
  recoveries: number
  nested: number
  /** How many cuts the most often cut recovery had behind it. */
  deepest: number
  damaged: number
  /** Checked against what an equal disk was found to hold. */
  known: number
  /** Survivals that left the same disk as another at the same point. */
  repeated: number
  failures: Failure[]
}
