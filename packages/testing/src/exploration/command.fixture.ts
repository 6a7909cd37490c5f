import { parseArgs } from 'node:util'
import { explore } from './explore.ts'
import type { Subject } from './subject.ts'

/** The command behind `tools/explore-*.ts`. Prints one line for each failing run; given back as arguments, it replays that run alone. */
export async function exploreCommand(subject: Subject): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      workloads: { type: 'string', default: '50' },
      survivals: { type: 'string', default: '4' },
      steps: { type: 'string', default: '14' },
      nested: { type: 'string', default: '40' },
      failures: { type: 'string', default: '20' },
      /** Begins no further workload after so long. */
      seconds: { type: 'string', default: 'Infinity' },
      workload: { type: 'string' },
      cuts: { type: 'string' },
    },
  })
  const started = performance.now()
  const explored = await explore(subject, {
    seed: Number(values.seed),
    workloads: Number(values.workloads),
    survivals: Number(values.survivals),
    steps: Number(values.steps),
    nestedEvery: Number(values.nested),
    maxFailures: Number(values.failures),
    budgetMs: Number(values.seconds) * 1000,
    ...(values.workload === undefined
      ? {}
      : { only: { workload: Number(values.workload), cuts: values.cuts ?? '' } }),
  })
  const seconds = (performance.now() - started) / 1000
  const { failures, ...figures } = explored
  const counts = Object.entries(figures).map(([name, count]) => `${count} ${name}`)
  // On a busy machine the time on the clock says little.
  const { user, system } = process.cpuUsage()
  const states = explored.recoveries + explored.known + explored.damaged
  const rate = Math.round(states / ((user + system) / 1e6))
  console.log(`${counts.join(', ')}: ${states} states in ${seconds.toFixed(1)} s, ${rate} in a second of CPU`)
  for (const { replay, error } of failures) {
    console.log(`FAILED ${replay}`)
    console.log(values.workload === undefined ? `  ${error.message.slice(0, 600)}` : error)
  }
  process.exitCode = failures.length === 0 ? 0 : 1
}
