import type { Spread } from './statistics.ts'

/** Where there is no figure. */
export const NONE = '–'

/** Three digits that count: `412,000`, `8.41`. */
export function number(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 20 })
}

/** A number that is known: `4,096`. */
export function exactly(value: number): string {
  return value.toLocaleString('en-US')
}

export function duration(us: number): string {
  if (us < 1000) return `${number(us)} µs`
  return us < 1e6 ? `${number(us / 1000)} ms` : `${number(us / 1e6)} s`
}

export function megabytes(bytes: number): string {
  return `${number(bytes / 1e6)} MB`
}

/** The median with what `say` makes of it. */
export function median(of: Spread | undefined, say: (value: number) => string = number): string {
  return of === undefined ? NONE : say(of.median)
}

/** `0.48× (0.45–0.51)`: the median, and the rounds that were furthest from it. */
export function times(of: Spread | undefined): string {
  if (of === undefined) return NONE
  const { median: middle, lowest, highest } = of
  return `${number(middle)}× (${number(lowest)}–${number(highest)})`
}
