// Crashes of the log, by the thousand: node --conditions=@holdfast/source tools/explore-log.ts --seed 1 --workloads 100 --survivals 4
// Prints one line for each failing run; given back as arguments, it replays that run alone.
import { parseArgs } from 'node:util'
import { exploreLog } from '../packages/testing/src/exploration/explore.fixture.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    workloads: { type: 'string', default: '50' },
    survivals: { type: 'string', default: '4' },
    steps: { type: 'string', default: '14' },
    nested: { type: 'string', default: '40' },
    workload: { type: 'string' },
    cuts: { type: 'string' },
    failures: { type: 'string', default: '20' },
  },
})

const started = performance.now()
const explored = await exploreLog({
  seed: Number(values.seed),
  workloads: Number(values.workloads),
  survivals: Number(values.survivals),
  steps: Number(values.steps),
  nestedEvery: Number(values.nested),
  maxFailures: Number(values.failures),
  ...(values.workload === undefined
    ? {}
    : { only: { workload: Number(values.workload), cuts: values.cuts ?? '' } }),
})
const seconds = (performance.now() - started) / 1000
const { failures, ...figures } = explored
console.log(
  `${Object.entries(figures)
    .map(([name, count]) => `${count} ${name}`)
    .join(
      ', ',
    )} in ${seconds.toFixed(1)} s: ${Math.round(explored.recoveries / seconds)} recoveries a second`,
)
for (const { replay, error } of failures) {
  console.log(`FAILED ${replay}`)
  console.log(values.workload === undefined ? `  ${error.message.slice(0, 600)}` : error)
}
process.exitCode = failures.length === 0 ? 0 : 1
