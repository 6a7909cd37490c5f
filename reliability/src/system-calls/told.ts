// What the process under fault tells of itself, a line of JSON each, through a pipe and at once: whatever ends
// it, all that it has said is heard.
import type { KillOutcome, KillState } from '../kill/workload.ts'

export type Told =
  /** Threads by their ids: one runs JavaScript, the other the calls of the file system. */
  | { readonly type: 'ready'; readonly main: number; readonly pool: number; readonly descriptors: number }
  /** About to be handed in. `bytes` of a large one. */
  | { readonly type: 'issued'; readonly group: number; readonly bytes?: number }
  | { readonly type: 'acknowledged'; readonly group: number; readonly outcomes: readonly KillOutcome[] }
  | { readonly type: 'rejected'; readonly group: number; readonly error: ToldError }
  | { readonly type: 'opened'; readonly by: 'writer' | 'reader'; readonly seq: number; readonly found: Found }
  | { readonly type: 'done'; readonly what: What }
  | { readonly type: 'failed'; readonly what: What; readonly error: ToldError }
  /** Of an open that failed: files that are not as they were. */
  | { readonly type: 'changed'; readonly files: readonly string[] }
  | { readonly type: 'event'; readonly name: string; readonly error?: ToldError }
  /** Paths in the directory that are still open where nothing should be. */
  | { readonly type: 'descriptors'; readonly paths: readonly string[] }
  /** Waits until the fault is over. */
  | { readonly type: 'heal' }
  /** It is. Every call must succeed from here on. */
  | { readonly type: 'healed' }
  | { readonly type: 'uncaught'; readonly reason: string }
  | { readonly type: 'end' }

/** Of the state: what a lost, doubled, moved or changed command changes for good. */
export type Found = Pick<KillState, 'chain' | 'accepted'>

export type What = 'open' | 'sync' | 'snapshot' | 'changes' | 'backup' | 'close' | 'read-only'

/** An error as it was caught. */
export interface ToldError {
  /** Only of a HoldfastError. */
  readonly code?: string
  readonly path?: string
  readonly outcome?: string
  readonly message: string
  /** The errno names of its causes, from the outside in. */
  readonly errnos: readonly string[]
}

export const TELLING_PIPE = 4
