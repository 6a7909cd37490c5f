import type { RecoveryPlan } from '@holdfast/recovery'
import type { ReplayFigures } from './replay.ts'

/** What opening a store found and did: the plan (`formatPlan` puts it in words), and what came of it. */
export interface RecoveryReport extends RecoveryPlan {
  /** What replaying the log did. */
  readonly commands: ReplayFigures
  /** How long recovery took, in milliseconds. */
  readonly ms: number
}
