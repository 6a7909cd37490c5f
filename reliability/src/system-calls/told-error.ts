import { errnoOf, isHoldfastError } from '@holdfast/environment'
import type { ToldError } from './told.ts'

/** An error as it is told, with what is underneath it. */
export function toldError(error: unknown): ToldError {
  const errnos: string[] = []
  const pending = [error]
  for (let cause = pending.shift(); cause !== undefined; cause = pending.shift()) {
    const errno = errnoOf(cause)
    if (errno !== undefined && !isHoldfastError(cause)) errnos.push(errno)
    if (cause instanceof Error && cause.cause !== undefined) pending.push(cause.cause)
    if (isHoldfastError(cause) && cause.details?.['second'] !== undefined)
      pending.push(cause.details['second'])
  }
  if (!isHoldfastError(error)) {
    return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), errnos }
  }
  const { code, path, outcome, message } = error
  return {
    code,
    message,
    errnos,
    ...(path === undefined ? {} : { path }),
    ...(outcome === undefined ? {} : { outcome }),
  }
}
