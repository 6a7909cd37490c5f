import { shrink } from '../machines/shrink.ts'
import { explore } from './explore.ts'
import type { ExploreOptions, Failure } from './explored.ts'
import type { Subject } from './subject.ts'

/** What shrinking one failure may cost, in recoveries: a few seconds. */
const SHRINK_RECOVERIES = 5000
/** A shorter run that fails before anything is recovered costs something as well. */
const RUN_RECOVERIES = 20

/**
 * The failure again, from as few steps of its workload as it was found to need, at the first operation and the
 * fewest cuts that fail there. It may be another one than the first: whatever fails is worth a look.
 */
export async function shrinkFailure(
  subject: Subject,
  options: ExploreOptions & { readonly steps: number },
  failure: Failure,
): Promise<Failure> {
  let left = SHRINK_RECOVERIES
  const steps = Array.from({ length: options.steps }, (_, step) => step)
  const shrunk = await shrink(
    steps,
    failure,
    async (shorter) => {
      const again = await explore(subject, {
        ...options,
        kept: new Set(shorter),
        only: { workload: failure.workload, cuts: '' },
        maxFailures: 1,
        maxRecoveries: left,
      })
      left -= again.recoveries + RUN_RECOVERIES
      return again.failures[0]
    },
    () => left <= 0,
  )
  return shrunk.failure
}
