// What Holdfast costs, beside what one would pick instead and beside what the disk gives:
//   npm run bench                       all of it, within a quarter of an hour
//   npm run bench -- --only commit      one part of it
//   npm run bench -- --publish          tables into README.md and docs/performance.md, charts into docs/charts
//   npm run bench -- --rounds 5         so many rounds of each cell, for figures that spread
//   npm run bench -- --quick            a hundredth of everything, once, to .reports/bench-quick: shows that it runs
// Tables, charts and every round as JSON go to .reports/bench. Exits with 1 if anything failed.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, machineFacts } from './machine-facts.ts'
import type { CellResult, Part } from './part.ts'
import { PARTS } from './parts.ts'
import { Progress } from './progress.ts'
import { publish, writeResults } from './results.ts'
import { Rounds } from './rounds.ts'

const ROOT = join(import.meta.dirname, '../..')

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    publish: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})
const REPORTS = join(ROOT, '.reports', values.quick ? 'bench-quick' : 'bench')
const parts = PARTS.filter(({ name }) => values.only === undefined || values.only === name).map(withRounds)
if (parts.length === 0) refuse(`--only ${PARTS.map(({ name }) => name).join(' | ')}`)
else if (values.rounds !== undefined && !/^[1-9]\d?$/.test(values.rounds)) refuse('--rounds 1 to 99')
else if (values.publish && values.quick) refuse('what is quick means nothing, and is not published')
else await run()

function withRounds(part: Part): Part {
  const { rounds } = values
  if (rounds === undefined) return part
  return { ...part, cells: (plan) => part.cells(plan).map((cell) => ({ ...cell, rounds: Number(rounds) })) }
}

function refuse(why: string): void {
  console.error(why)
  process.exitCode = 2
}

async function run(): Promise<void> {
  // What was started ends with us.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  mkdirSync(REPORTS, { recursive: true })
  const directory = mkdtempSync(join(REPORTS, 'run-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const plan = { quick: values.quick }
  const machine = machineFacts(directory)
  const rounds = new Rounds(directory, Number(values.seed), new Progress(parts, plan))
  console.log(describeMachine(machine))
  for (const part of parts) {
    const results: CellResult[] = []
    for (const cell of part.cells(plan)) results.push(await rounds.play(cell))
    const result = { name: part.name, results, report: part.report(results) }
    writeResults(REPORTS, result, machine)
    if (values.publish) publish(ROOT, result, machine)
    for (const section of Object.values(result.report.sections)) console.log(`\n${section}`)
    if (
      results.some(({ outcomes }) =>
        Object.values(outcomes)
          .flat()
          .some((outcome) => 'failed' in outcome),
      )
    ) {
      process.exitCode = 1
    }
  }
}
