import { defineRung, type RungResult } from '../rung.ts'
import type { Leg } from './leg.ts'
import { fuzz, type FuzzResult } from './run.ts'
import { TARGETS } from './targets.ts'

/** A leg has no more inputs than this: all targets come soon, and then again. */
const ROUND_INPUTS = 2_000_000

export const fuzzing = defineRung({
  name: 'fuzz',
  what: 'hostile files: damaged, forged, nested, said to be larger than they are; each refused by a documented code, or right',
  options: { seed: 1, inputs: 1_000_000, target: 'all', first: 0, workers: 1 },
  async run({ seed, inputs, target, first, workers }, progress): Promise<RungResult> {
    const legs = legsOf(target, first, inputs)
    const done: number[] = Array.from({ length: workers }, () => 0)
    const parts = Array.from({ length: workers }, (_, worker) =>
      fuzz(
        { seed, legs: legs.flatMap((leg) => partOf(leg, worker, workers)), targets: TARGETS_MODULE },
        (counts) => {
          done[worker] = sum(Object.values(counts))
          progress(`${sum(done)} inputs`)
        },
      ),
    )
    return resultOf(await Promise.all(parts))
  },
})

export const TARGETS_MODULE: string = new URL('targets.ts', import.meta.url).href

/** The inputs of one target, or of all by their shares. */
export function legsOf(target: string, first: number, inputs: number): Leg[] {
  if (target !== 'all') return [{ target, first, count: inputs }]
  const legs: Leg[] = []
  for (let from = 0; from < inputs; from += ROUND_INPUTS) {
    const till = Math.min(from + ROUND_INPUTS, inputs)
    for (const { name, share } of TARGETS) {
      const begin = Math.floor((from * share) / 1000)
      const count = Math.floor((till * share) / 1000) - begin
      if (count > 0) legs.push({ target: name, first: first + begin, count })
    }
  }
  return legs
}

function partOf(leg: Leg, worker: number, workers: number): Leg[] {
  const from = Math.floor((leg.count * worker) / workers)
  const count = Math.floor((leg.count * (worker + 1)) / workers) - from
  return count === 0 ? [] : [{ ...leg, first: leg.first + from, count }]
}

function resultOf(results: readonly FuzzResult[]): RungResult {
  const counts: Record<string, number> = {}
  for (const result of results) {
    for (const [key, count] of Object.entries(result.counts)) counts[key] = (counts[key] ?? 0) + count
  }
  const mib = (bytes: number): number => Math.ceil(bytes / 1024 / 1024)
  return {
    figures: {
      inputs: sum(Object.values(counts)),
      'MiB in memory at most': mib(Math.max(...results.map(({ figures }) => figures.rssBytes))),
      'MiB in buffers at most': mib(Math.max(...results.map(({ figures }) => figures.externalBytes))),
      ...Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
    violations: results.flatMap(({ violations }) => violations),
    skipped: [],
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
