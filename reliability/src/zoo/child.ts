// Runs a harness on the copy of the packages that this file is in.
//   node child.ts <harness> <first seed> <seeds>
import { fileURLToPath } from 'node:url'
import { join, sep } from 'node:path'
import type { SeededHarness } from './bug.ts'
import { HARNESSES } from './harnesses.ts'

/** What the parent hears: that everything was loaded, and before each seed; then how it ended. */
export type ChildReport =
  | { readonly type: 'alive' }
  | { readonly type: 'ended'; readonly seeds: number; readonly states: number; readonly violation?: string }

const PACKAGES = [
  '@holdfast/environment',
  '@holdfast/framing',
  '@holdfast/codec',
  '@holdfast/snapshot',
  '@holdfast/wal',
  '@holdfast/recovery',
  '@holdfast/testing',
  'holdfast',
]

/** Were one of them the repository's, the harness would find nothing in it, and say so of the wrong code. */
function assertCopied(): void {
  const root = join(import.meta.dirname, '../../../packages') + sep
  for (const name of PACKAGES) {
    const path = fileURLToPath(import.meta.resolve(name))
    if (!path.startsWith(root)) throw new Error(`${name} is ${path}, which is not in ${root}`)
  }
}

async function run(harness: SeededHarness, first: number, count: number): Promise<ChildReport> {
  let states = 0
  for (let seed = first; seed < first + count; seed += 1) {
    const seeds = seed - first + 1
    report({ type: 'alive' })
    try {
      const result = await HARNESSES[harness](seed)
      states += result.states
      if (result.violation !== undefined) return { type: 'ended', seeds, states, violation: result.violation }
    } catch (error) {
      return { type: 'ended', seeds, states, violation: `thrown: ${String((error as Error).stack)}` }
    }
  }
  return { type: 'ended', seeds: count, states }
}

function report(message: ChildReport, then?: () => void): void {
  process.send?.(message, undefined, undefined, then)
}

if (import.meta.main) {
  const [harness, first, count] = process.argv.slice(2)
  assertCopied()
  report({ type: 'alive' })
  process.once('uncaughtException', (error) => {
    report({ type: 'ended', seeds: 1, states: 0, violation: `uncaught: ${error.stack}` }, () =>
      process.exit(),
    )
  })
  // What a bug has left under way must not keep it.
  report(await run(harness as SeededHarness, Number(first), Number(count)), () => process.exit())
}
