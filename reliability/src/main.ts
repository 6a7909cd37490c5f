// The ladder, one rung at a time:
//   npm run reliability                                  lists the rungs
//   npm run reliability -- kill --rounds 1000 --seed 7   climbs one
// The result goes to .reports/reliability/<rung>-<seed>.json as well. Exits with 1 if a promise was broken.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { blockLog, failingSync } from './block-device/rung.ts'
import { damage } from './damage/rung.ts'
import { fuzzing } from './fuzz/rung.ts'
import { kill } from './kill/rung.ts'
import { shutdown } from './shutdown/rung.ts'
import { soak } from './soak/rung.ts'
import { mutation } from './mutation/rung.ts'
import { simulation } from './simulation/rung.ts'
import { systemCalls } from './system-calls/rung.ts'
import { zoo } from './zoo/rung.ts'
import type { Rung, RungOptions } from './rung.ts'

const RUNGS: readonly Rung[] = [
  simulation,
  zoo,
  kill,
  mutation,
  shutdown,
  soak,
  systemCalls,
  blockLog,
  failingSync,
  fuzzing,
  damage,
]

const REPORTS = join(import.meta.dirname, '../../.reports/reliability')
/** At most one line of progress in so long. */
const PROGRESS_EVERY_MS = 5000

const [name, ...args] = process.argv.slice(2)
const rung = RUNGS.find((each) => each.name === name)
if (rung === undefined) {
  if (name !== undefined) console.error(`there is no rung '${name}'`)
  for (const each of RUNGS) {
    const options = Object.entries(each.options).map(([option, value]) => `--${option} ${value}`)
    console.log(`${each.name.padEnd(14)} ${each.what}\n${''.padEnd(14)} ${options.join(' ')}`)
  }
  process.exitCode = name === undefined ? 0 : 2
} else {
  await climb(rung, optionsOf(rung, args))
}

async function climb(rung: Rung, options: RungOptions): Promise<void> {
  const started = performance.now()
  let saidAt = started
  const { figures, violations, skipped } = await rung.run(options, (line) => {
    if (performance.now() - saidAt < PROGRESS_EVERY_MS) return
    saidAt = performance.now()
    console.log(`${Math.round((saidAt - started) / 1000)} s: ${line}`)
  })
  const { user, system } = process.cpuUsage()
  const result = {
    rung: rung.name,
    options,
    commit: commit(),
    node: process.version,
    seconds: Math.round((performance.now() - started) / 1000),
    cpuSeconds: Math.round((user + system) / 1e6),
    figures,
    violations,
    skipped,
  }
  mkdirSync(REPORTS, { recursive: true })
  writeFileSync(
    join(REPORTS, `${rung.name}-${options.seed}.json`),
    `${JSON.stringify(result, undefined, 2)}\n`,
  )
  console.table(figures)
  for (const reason of skipped) console.log(`SKIPPED ${reason}`)
  for (const violation of violations) console.log(`VIOLATION ${violation}`)
  console.log(
    `${rung.name}: ${violations.length} violations, ${skipped.length} skipped, ${result.seconds} s at ${result.commit}`,
  )
  // A rung that failed may have left handles behind.
  process.exit(violations.length === 0 ? 0 : 1)
}

function optionsOf({ options }: Rung, args: readonly string[]): RungOptions {
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.keys(options).map((option) => [option, { type: 'string' as const }])),
  })
  const given = Object.entries(options).map(([option, preset]): [string, number | string] => {
    const value = values[option]
    if (typeof value !== 'string') return [option, preset]
    if (typeof preset === 'string') return [option, value]
    if (value.trim() === '' || Number.isNaN(Number(value)))
      throw new TypeError(`--${option} is a number, not '${value}'`)
    return [option, Number(value)]
  })
  return Object.fromEntries(given) as unknown as RungOptions
}

/** The commit that is checked out; with a `+` when there are changes that it does not have. */
function commit(): string {
  const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim()
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`
}
