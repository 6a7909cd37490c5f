/** One way to keep a state over a restart. */
export interface RecoveryLoader {
  /** Makes what is loaded. */
  readonly prepare: (directory: string, request: Prepared) => Promise<void>
  /** Brings the state back from there: this is what is timed. */
  readonly load: (directory: string) => Promise<LoadedState>
}

export interface Prepared {
  readonly records: number
  /** Of a log, how many callers wrote it. */
  readonly inFlight: number
}

export interface LoadedState {
  /** Entries of a state, or records of a log: what was gone through. */
  readonly records: number
  /** Where another process loaded it. */
  readonly peakMemoryMib?: number | undefined
  /** Once it has been looked at. */
  readonly close?: () => Promise<void>
}
