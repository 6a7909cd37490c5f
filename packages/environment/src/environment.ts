import type { FileSystem } from './file-system.ts'
import type { Locks } from './locks.ts'
import type { Workers } from './workers.ts'

/** Everything that Holdfast takes from the world: replace it and a run is repeatable. */
export interface Environment {
  readonly files: FileSystem
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly locks: Locks
  readonly workers: Workers
}

/** What time it is. */
export interface Clock {
  /** Milliseconds since 1970, as the machine's clock has it: it may jump either way, and nothing may order by it. */
  now(): number
  /** Milliseconds, with fractions, from some point in the past: never goes back. For durations. */
  monotonic(): number
}

/** Random numbers that nobody guesses: ids and salts come from here. */
export interface Random {
  /** So many random bytes. */
  bytes(count: number): Uint8Array
  /** An integer from 0 to 2^32 - 1. */
  uint32(): number
}

/** Things to do later. */
export interface Timers {
  /**
   * Runs it once, after at least so many milliseconds. It does not keep the process alive, unless
   * `keepAlive` says that somebody waits for it and nothing else may be going on.
   */
  after(ms: number, run: () => void, options?: { readonly keepAlive?: boolean }): Timer
  /** Runs it after this turn of the event loop, its I/O callbacks and its microtasks. Keeps the process alive. */
  turn(run: () => void): void
}

/** A run that is still to come. */
export interface Timer {
  /** It won't run. Does nothing once it has. */
  cancel(): void
}
