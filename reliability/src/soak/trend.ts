/** With fewer samples a third of them is a matter of luck. */
export const TREND_MIN_SAMPLES = 60

/** By how much a figure may be higher and still be called level. */
export interface Tolerance {
  /** Of the earlier median. */
  readonly share: number
  /** On top of that. */
  readonly absolute: number
}

export interface Trend {
  /** Medians of the second and the last third. The first is for warming up. */
  readonly earlier: number
  readonly later: number
  readonly level: boolean
}

/**
 * Whether a figure stays level. Medians do not see single peaks; what grows by the same amount again and again
 * moves them, however slowly: by a third of all that it grows in the run. `undefined` where there are too few samples.
 */
export function trendOf(samples: readonly number[], tolerance: Tolerance): Trend | undefined {
  if (samples.length < TREND_MIN_SAMPLES) return undefined
  const third = Math.floor(samples.length / 3)
  const earlier = median(samples.slice(third, 2 * third))
  const later = median(samples.slice(2 * third))
  return { earlier, later, level: later <= earlier * (1 + tolerance.share) + tolerance.absolute }
}

function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
