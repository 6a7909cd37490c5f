import { mkdirSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { MutantResult } from '@stryker-mutator/api/core'
import { defineRung } from '../rung.ts'
import { mutate } from './mutate.ts'

const PACKAGES: readonly string[] = ['framing', 'codec', 'recovery', 'snapshot', 'wal']
const SCORE_MIN_PERCENT = 90

export const mutation = defineRung({
  name: 'mutation',
  what: 'one change at a time in the sources of a package (or all): its tests must notice',
  options: { seed: 1, package: 'all', files: '**/*', concurrency: 1 },
  async run({ package: name, files, concurrency }) {
    if (name !== 'all' && !PACKAGES.includes(name))
      throw new TypeError(`--package is all or one of ${PACKAGES.join(', ')}, not '${name}'`)
    const figures: Record<string, number> = {}
    const violations: string[] = []
    for (const packageName of name === 'all' ? PACKAGES : [name]) {
      const mutants = await mutate({ packageName, files, concurrency })
      const { score, ...counts } = scoreOf(mutants)
      for (const [what, count] of Object.entries({ ...counts, 'score %': score }))
        figures[`${packageName}: ${what}`] = count
      const unnoticed = `.reports/mutation/${packageName}.txt`
      mkdirSync('.reports/mutation', { recursive: true })
      writeFileSync(unnoticed, mutants.filter(isUnnoticed).map(lineOf).join(''))
      if (score < SCORE_MIN_PERCENT)
        violations.push(`${packageName}: ${score} % of the mutants were noticed; the others: ${unnoticed}`)
    }
    return { figures, violations, skipped: [] }
  },
})

interface Score {
  readonly killed: number
  readonly timeout: number
  readonly survived: number
  readonly uncovered: number
  /** In percent of those that were tried. */
  readonly score: number
}

function scoreOf(mutants: readonly MutantResult[]): Score {
  const count = (status: MutantResult['status']): number =>
    mutants.filter((each) => each.status === status).length
  const [killed, timeout, survived, uncovered] = [
    count('Killed'),
    count('Timeout'),
    count('Survived'),
    count('NoCoverage'),
  ]
  const tried = killed + timeout + survived + uncovered
  const score = Math.floor((1000 * (killed + timeout)) / Math.max(1, tried)) / 10
  return { killed, timeout, survived, uncovered, score }
}

function isUnnoticed({ status }: MutantResult): boolean {
  return status === 'Survived' || status === 'NoCoverage'
}

function lineOf({ fileName, location, status, mutatorName, replacement }: MutantResult): string {
  const { line, column } = location.start
  return `${relative('.', fileName)}:${line}:${column} ${status} ${mutatorName} ${replacement.replaceAll(/\s+/g, ' ')}\n`
}
