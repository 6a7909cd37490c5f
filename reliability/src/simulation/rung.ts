import { explore, type Explored } from '@holdfast/testing/exploration'
import { defineRung } from '../rung.ts'
import { engineSubject } from './engine-subject.ts'
import { logSubject } from './log-subject.ts'

const SUBJECTS = { engine: engineSubject, log: logSubject }

export const simulation = defineRung({
  name: 'simulation',
  what: 'a simulated machine killed and cut off the power at every operation: all that was promised must be there',
  options: {
    seed: 1,
    /** `engine`, or `log` for the log by itself. */
    subject: 'engine',
    workloads: 50,
    /** Disks that each operation leaves: two kills, seven extremes, the rest random. */
    survivals: 32,
    steps: 14,
    /** Of so many recoveries one is cut off itself, three deep; 0 for none. */
    nested: 40,
    /** Stops after so many failing runs. */
    failures: 20,
    /** Begins no further workload after so long. */
    seconds: 3600,
    /** Replays one workload, and of it one recovery: what a violation says. */
    workload: -1,
    cuts: '',
  },
  async run(
    { seed, subject, workloads, survivals, steps, nested, failures, seconds, workload, cuts },
    progress,
  ) {
    if (!isSubject(subject)) throw new TypeError(`--subject is engine or log, not '${subject}'`)
    const explored = await explore(SUBJECTS[subject], {
      seed,
      workloads,
      survivals: Math.max(0, survivals - FIXED_SURVIVALS),
      steps,
      nestedEvery: nested,
      maxFailures: failures,
      budgetMs: seconds * 1000,
      onWorkload: (soFar) => progress(`${soFar.workloads} workloads, ${soFar.recoveries} recoveries`),
      ...(workload < 0 ? {} : { only: { workload, cuts } }),
    })
    const { failures: found, ...figures } = explored
    return {
      figures,
      violations: found.map(
        ({ replay, error }) =>
          `--subject ${subject} ${replay}\n  ${workload < 0 ? error.message : error.stack}`,
      ),
      skipped: [],
    }
  },
})

/** The kills and the extremes, of which each operation gets every one. */
const FIXED_SURVIVALS = 9

function isSubject(subject: string): subject is keyof typeof SUBJECTS {
  return subject in SUBJECTS
}
