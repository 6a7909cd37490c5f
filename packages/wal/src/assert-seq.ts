import { HoldfastError } from '@holdfast/environment'

/** Throws `INVALID_ARGUMENT` for what is no sequence, and not 0 either, where that is the least. */
export function assertSeq(name: string, value: number, least: 0 | 1 = 0): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `${name} is a sequence, a whole number from ${least} on, not ${String(value)}`,
    { details: { argument: name, value } },
  )
}
