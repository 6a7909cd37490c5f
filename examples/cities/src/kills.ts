// When and how the child dies: drawn from the seed before it starts.
import type { Random } from './random.ts'
import type { Workload } from './workload.ts'

export interface Kill {
  readonly during: 'load' | 'recovery' | 'changes' | 'snapshot' | 'idle'
  /** Once an acknowledgement of this sequence has been read; `Infinity`: for another reason. */
  readonly atSeq: number
  /** And so many milliseconds later, whatever it does by then. */
  readonly afterMs: number
}

const LOADING_KILLS = 5
/** Batches, recoveries and snapshots take some tens or hundreds of milliseconds: a kill hits any part of them. */
const DELAY_MAX_MS = 60
const LONG_DELAY_MAX_MS = 150

export function drawKills({ load, snapshotAt, lastSeq }: Workload, random: Random): Kill[] {
  const between = (first: number, last: number): number => first + random.below(last - first)
  const at = (during: Kill['during'], atSeq: number): Kill => ({
    during,
    atSeq,
    afterMs: random.below(DELAY_MAX_MS),
  })
  const within = (during: Kill['during']): Kill => ({
    during,
    atSeq: Number.POSITIVE_INFINITY,
    afterMs: random.below(LONG_DELAY_MAX_MS),
  })
  const part = Math.floor(load.length / (LOADING_KILLS + 1))
  const loading = Array.from({ length: LOADING_KILLS }, (_, i) =>
    at('load', between(i * part + 1, (i + 1) * part)),
  )
  const midway = (first: number, last: number): number => between(first, Math.floor((first + last) / 2))
  return [
    ...loading,
    within('recovery'),
    at('changes', midway(load.length + 1, snapshotAt)),
    within('snapshot'),
    at('changes', midway(snapshotAt + 1, lastSeq)),
    at('idle', lastSeq),
  ]
}
