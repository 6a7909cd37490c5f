import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { CellResult } from './part.ts'
import { PARTS } from './parts.ts'

const reports = join(import.meta.dirname, '../../.reports/bench-quick')
const RUN_MAX_MS = 300_000

it(
  'measures everything, in a hundredth of it, and everything comes to something',
  async () => {
    const program = join(import.meta.dirname, 'main.ts')
    await promisify(execFile)(process.execPath, ['--conditions=@holdfast/source', program, '--quick'])
    for (const { name } of PARTS) {
      const { results } = JSON.parse(readFileSync(join(reports, `${name}.json`), 'utf8')) as {
        results: CellResult[]
      }
      expect(results).not.toHaveLength(0)
      const outcomes = results.flatMap((result) => Object.values(result.outcomes).flat())
      const missing = outcomes.filter((outcome) => !('figures' in outcome))
      expect(missing).toEqual(missing.map(() => ({ skipped: 'redis-server is not installed' })))
      expect(readFileSync(join(reports, `${name}.md`), 'utf8')).toContain('| ')
    }
    expect(readFileSync(join(reports, 'charts/commit.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s)
  },
  RUN_MAX_MS,
)
