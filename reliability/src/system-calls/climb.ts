// Trials, a few at a time, and what they come to.
import { makeGround } from './ground.ts'
import { callSites, kindOf, planOf, trialNamed } from './plan.ts'
import { nameOf, runTrial, type TrialResult } from './trial.ts'
import { OUTCOMES } from './verdict.ts'

export interface ClimbOptions {
  readonly seed: number
  /** Where one run ended another can go on: the plan of a seed is the same each time, but for a few calls. Default 0. */
  readonly first?: number
  /** At most so many trials. */
  readonly runs: number
  /** Only the trial of this name. */
  readonly only?: string
  readonly onTrial?: (result: TrialResult, done: number, planned: number) => void
}

export interface Climb {
  readonly sites: number
  readonly planned: number
  readonly trials: readonly TrialResult[]
  readonly violations: readonly string[]
}

/** Processes at work at one time: most of a life is waiting for the disk and for strace. */
const AT_ONCE = 4

export async function climb(
  { seed, first = 0, runs, only, onTrial }: ClimbOptions,
  withDisk: boolean,
): Promise<Climb> {
  const ground = await makeGround()
  const sites = await callSites(ground)
  const plan = only === undefined ? planOf(sites, seed, withDisk) : [trialNamed(only)]
  const chosen = plan.slice(first, first + runs)
  const trials: TrialResult[] = []
  const violations: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let trial = chosen[next]; trial !== undefined; trial = chosen[next]) {
      const number = next++
      const result = await runTrial(trial, ground, number).catch((cause: unknown) => {
        throw new Error(`the trial ${nameOf(trial)} could not be made`, { cause })
      })
      trials.push(result)
      for (const violation of result.violations)
        violations.push(`--only ${nameOf(trial)} (${result.site}): ${violation}`)
      onTrial?.(result, trials.length, chosen.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await ground.remove()
  return { sites: sites.length, planned: plan.length, trials, violations }
}

/** How many trials of each kind ended how: `pwrite64 EIO` → `moved to a new segment 12, command refused 3`. */
export function tableOf(trials: readonly TrialResult[]): Record<string, string> {
  const kinds = [...new Set(trials.map(({ trial }) => kindOf(trial)))].sort()
  const rows = kinds.map((kind): [string, string] => {
    const results = trials.filter(({ trial }) => kindOf(trial) === kind)
    const ends = ([...OUTCOMES, 'not reached'] as const).flatMap((outcome) => {
      const count = results.filter((result) => result.outcome === outcome).length
      return count === 0 ? [] : [`${outcome} ${count}`]
    })
    return [kind, ends.join(', ')]
  })
  return Object.fromEntries(rows)
}
