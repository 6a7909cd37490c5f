import type { CellResult, Outcome } from './part.ts'

/** What the rounds came to. */
export interface Spread {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [lowest] = sorted
  const highest = sorted.at(-1)
  if (lowest === undefined || highest === undefined) return undefined
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
  return { median, lowest, highest }
}

/** A figure of a contender in each round; `undefined` where the round has none. */
export function figures(result: CellResult, contender: string, figure: string): (number | undefined)[] {
  return (result.outcomes[contender] ?? []).map((outcome) =>
    'figures' in outcome ? outcome.figures[figure] : undefined,
  )
}

/** Over the rounds that have it. */
export function spread(result: CellResult, contender: string, figure: string): Spread | undefined {
  return spreadOf(present(figures(result, contender, figure)))
}

/**
 * What two contenders' figures come to in the same round: only rounds that have both count, so that a moment
 * at which the machine was slow weighs on both.
 */
export function together(
  of: readonly (number | undefined)[],
  with_: readonly (number | undefined)[],
  combine: (a: number, b: number) => number,
): Spread | undefined {
  const values = of.map((a, round) => {
    const b = with_[round]
    return a === undefined || b === undefined ? undefined : combine(a, b)
  })
  return spreadOf(present(values))
}

/** A figure as a multiple of another contender's in the same round. */
export function ratio(
  result: CellResult,
  contender: string,
  base: string,
  figure: string,
): Spread | undefined {
  return together(figures(result, contender, figure), figures(result, base, figure), (a, b) => a / b)
}

/** Why a contender has no figures: the first reason that a round gave. */
export function reason(outcomes: readonly Outcome[] | undefined): string | undefined {
  for (const outcome of outcomes ?? []) {
    if ('failed' in outcome) return `failed: ${outcome.failed}`
    if ('skipped' in outcome) return `skipped: ${outcome.skipped}`
  }
  return undefined
}

function present(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined)
}
