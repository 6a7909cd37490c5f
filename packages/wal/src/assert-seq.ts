import { HoldfastError } from '@holdfast/environment'

/** Throws `INVALID_ARGUMENT` for what is no sequence, and not 0 either. */
export function assertSeq(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `${name} is a sequence, a whole number from 0 on, not ${String(value)}`,
    { details: { argument: name, value } },
  )
}
