import { readFile, writeFile } from 'node:fs/promises'
import { defineRung } from '../rung.ts'
import { nameOf } from './bug.ts'
import { BUGS } from './bugs.ts'
import { zooPage } from './page.ts'
import { runWithoutBugs, runZoo, type Verdict } from './zoo.ts'

export const zoo = defineRung({
  name: 'zoo',
  what: 'bugs planted in a copy of the packages, one at a time: the harness that is named must find each',
  options: {
    /** Where harnesses begin. 0: each with the seed that is known to find the bug. 1: as if nobody knew. */
    seed: 0,
    /** Seeds that a harness tries before the bug has survived. */
    seeds: 40,
    /** Only bugs with this in their name, or their harness. */
    only: '',
    lanes: 2,
    /** The page whose lines are to be renewed: docs/zoo.md. */
    table: '',
  },
  async run({ seed, seeds, only, lanes, table }, progress) {
    const bugs = BUGS.filter(({ name, killedBy }) => `${name} ${nameOf(killedBy)}`.includes(only))
    const where = { lanes, ...(seed === 0 ? {} : { firstSeed: seed }) }
    let done = 0
    const verdicts = await runZoo(bugs, {
      ...where,
      seeds,
      onVerdict: ({ bug }) => progress(`${++done} of ${bugs.length}: ${bug.name}`),
    })
    const violations = await runWithoutBugs(verdicts, where)
    violations.push(...verdicts.flatMap((verdict) => alive(verdict) ?? []))
    if (table !== '') await writeFile(table, zooPage(BUGS, verdicts, await readFile(table, 'utf8')))
    const figures = {
      bugs: bugs.length,
      dead: verdicts.filter((verdict) => alive(verdict) === undefined).length,
      states: verdicts.reduce((sum, { states }) => sum + states, 0),
      mostSeeds: Math.max(0, ...verdicts.map((verdict) => verdict.seeds)),
      slowestMs: Math.round(Math.max(0, ...verdicts.map(({ ms }) => ms))),
    }
    const skipped = verdicts.flatMap((verdict) =>
      verdict.skipped === undefined ? [] : `'${verdict.bug.name}': ${verdict.skipped}`,
    )
    return { figures, violations, skipped }
  },
})

/** What is to be said of a bug that was not found. */
function alive({ bug, broken, skipped, violation }: Verdict): string | undefined {
  if (broken !== undefined) return `'${bug.name}' could not be hunted: ${broken}`
  return violation === undefined && skipped === undefined
    ? `'${bug.name}' survived ${nameOf(bug.killedBy)}`
    : undefined
}
