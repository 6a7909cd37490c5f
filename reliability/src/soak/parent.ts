import { once } from 'node:events'
import type { Found } from '../kill/store.ts'
import type { KillState } from '../kill/workload.ts'
import type { Footprint } from './footprint.ts'

/** What a process has done so far. */
export type Counts = Record<string, number>

/** What the parent hears. */
export type SoakReport =
  | { readonly type: 'opening' }
  | { readonly type: 'opened'; readonly seq: number; readonly state: KillState; readonly found: Found }
  | { readonly type: 'closing' }
  | {
      readonly type: 'closed'
      /** Acknowledged and closed in good order: it must be there again. */
      readonly seq: number
      readonly footprint: Footprint
      /** Since the last such report. */
      readonly counts: Counts
    }
  | { readonly type: 'failed'; readonly reason: string }

/** What the parent says to what was opened or closed. */
export interface SoakGo {
  /** After something was closed: end. */
  readonly end?: boolean
}

export function report(message: SoakReport): void {
  process.send?.(message)
}

export async function answerTo(message: SoakReport): Promise<SoakGo> {
  report(message)
  const [go] = (await once(process, 'message')) as [SoakGo]
  return go
}

export function failed(error: unknown): void {
  report({ type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exitCode = 1
  process.disconnect()
}

export function count(counts: Counts, name: string, more = 1): void {
  counts[name] = (counts[name] ?? 0) + more
}
