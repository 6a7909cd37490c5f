// When and how the child dies: drawn from the seed before it starts.
import type { Doing } from './child.ts'
import type { Random } from './random.ts'
import type { Workload } from './workload.ts'

export interface Kill {
  readonly during: Doing
  /** Once an acknowledgement of this sequence has been read. `undefined`: once it has begun to do that. */
  readonly atSeq: number | undefined
  /** And so many milliseconds later, whatever it does by then. */
  readonly afterMs: number
}

const LOADING_KILLS = 5
/** Batches, recoveries and snapshots take some tens or hundreds of milliseconds: a kill hits any part of them. */
const DELAY_MAX_MS = 120

export function drawKills({ load, snapshotAt, lastSeq }: Workload, random: Random): Kill[] {
  const between = (first: number, last: number): number => first + random.below(last - first)
  const kill = (during: Doing, atSeq?: number): Kill => ({
    during,
    atSeq,
    afterMs: random.below(DELAY_MAX_MS),
  })
  const part = Math.floor(load.length / (LOADING_KILLS + 1))
  const loading = Array.from({ length: LOADING_KILLS }, (_, i) =>
    kill('loading', between(i * part + 1, (i + 1) * part)),
  )
  const firstHalf = (first: number, last: number): number => between(first, Math.floor((first + last) / 2))
  return [
    ...loading,
    kill('recovering'),
    kill('changing cities', firstHalf(load.length + 1, snapshotAt)),
    kill('taking a snapshot'),
    kill('changing cities', firstHalf(snapshotAt + 1, lastSeq)),
    kill('idle'),
  ]
}
