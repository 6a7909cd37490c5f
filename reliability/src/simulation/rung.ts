import { explore, type Explored, shrinkFailure, type Subject } from '@holdfast/testing/exploration'
import { defineRung } from '../rung.ts'
import { engineSubjectWith } from './engine-subject.ts'
import { logSubject } from './log-subject.ts'
import { SnapshotTally } from './snapshot-tally.ts'

export const simulation = defineRung({
  name: 'simulation',
  what: 'a simulated machine killed and cut off the power at every operation: all that was promised must be there',
  options: {
    seed: 1,
    /** `engine`, or `log` for the log by itself. */
    subject: 'engine',
    workloads: 50,
    /** Disks that each operation leaves, as far as there are so many different ones: see `explore`. */
    survivals: 32,
    steps: 14,
    /** Of so many recoveries one is cut off itself, three deep; 0 for none. */
    nested: 40,
    /** Stops after so many failing runs. */
    failures: 20,
    /** Begins no further workload after so long. */
    seconds: 3600,
    /** `lost` for a disk on which a failed sync of a directory drops the dirty marks: no file system with a journal. */
    names: 'kept',
    /** Replays one workload, some of its steps, and of that one recovery: what a violation says. */
    workload: -1,
    kept: '',
    cuts: '',
  },
  async run({ subject: name, workload, kept, cuts, ...bounds }, progress) {
    const tally = new SnapshotTally()
    const subject = subjectNamed(name, tally)
    const options = {
      seed: bounds.seed,
      workloads: bounds.workloads,
      survivals: Math.max(0, bounds.survivals - FIXED_SURVIVALS),
      steps: bounds.steps,
      nestedEvery: bounds.nested,
      maxFailures: bounds.failures,
      budgetMs: bounds.seconds * 1000,
      losesNames: bounds.names === 'lost',
      onWorkload: (soFar: Readonly<Explored>) =>
        progress(`${soFar.workloads} workloads, ${soFar.recoveries} recoveries`),
    }
    const isReplay = workload >= 0
    // Every refusal is an Error: without their stacks it takes a fifth less.
    if (!isReplay) Error.stackTraceLimit = 0
    const { failures, ...figures } = await explore(subject, {
      ...options,
      ...(kept === '' ? {} : { kept: new Set(kept.split(',').map(Number)) }),
      ...(isReplay ? { only: { workload, cuts } } : {}),
    })
    const violations: string[] = []
    for (const [index, failure] of failures.entries()) {
      const short =
        isReplay || index >= SHRUNK_FAILURES ? failure : await shrinkFailure(subject, options, failure)
      const from = short === failure ? '' : `, shrunk from: ${failure.replay}`
      violations.push(
        `--subject ${name} ${short.replay}${from}\n  ${isReplay ? short.error.stack : short.error.message}`,
      )
    }
    const { user, system } = process.cpuUsage()
    const recoveriesPerCpuSecond = Math.round(figures.recoveries / ((user + system) / 1e6))
    const ofEngine = name === 'engine' ? tally.figures : {}
    return { figures: { ...figures, ...ofEngine, recoveriesPerCpuSecond }, violations, skipped: [] }
  },
})

/** The kills and the extremes, of which each operation gets every one. */
const FIXED_SURVIVALS = 9
/** The others are most often the same once more. */
const SHRUNK_FAILURES = 3

function subjectNamed(name: string, tally: SnapshotTally): Subject {
  if (name === 'engine') return engineSubjectWith(tally)
  if (name === 'log') return logSubject
  throw new TypeError(`--subject is engine or log, not '${name}'`)
}
