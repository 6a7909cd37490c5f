import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const MAIN = join(import.meta.dirname, '../main.ts')
const RUN_MAX_MS = 300_000

// A process of its own, as the command is: Stryker starts a vitest inside this one's otherwise.
it(
  'tries the mutants of one source, and its tests notice',
  () => {
    const args = ['mutation', '--package', 'recovery', '--files', 'write-queue']
    const said = execFileSync(process.execPath, ['--conditions=@holdfast/source', MAIN, ...args], {
      cwd: join(import.meta.dirname, '../../..'),
      encoding: 'utf8',
    })
    expect(said).toMatch(/recovery: killed +│ [1-9]/)
    expect(said).toContain('mutation: 0 violations, 0 skipped')
  },
  RUN_MAX_MS,
)
