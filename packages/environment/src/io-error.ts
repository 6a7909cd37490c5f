import { constants } from 'node:os'
import type { ErrorCode } from './error-codes.ts'
import { HoldfastError, isHoldfastError, type WriteOutcome } from './errors.ts'

/** What was being done when the file system refused. */
export interface IoContext {
  /** Completes 'could not …': `write the manifest`. */
  readonly doing: string
  readonly path: string
  readonly offset?: number | undefined
  /** Of a write: whether it may be there after reopening. */
  readonly outcome?: WriteOutcome | undefined
}

/** The system's words for "there is no more room": on the disk, in the quota, under the limit on the size of a file. */
const NO_SPACE_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/**
 * Wraps what a method of the file system rejected with: `NO_SPACE` where room was lacking, `IO_ERROR` else.
 * What is a `HoldfastError` already knows better and passes through unchanged.
 */
export function ioError(cause: unknown, context: IoContext): HoldfastError {
  if (isHoldfastError(cause)) return cause
  const errno = errnoOf(cause)
  const code: ErrorCode = errno !== undefined && NO_SPACE_CODES.has(errno) ? 'NO_SPACE' : 'IO_ERROR'
  return new HoldfastError(code, `could not ${context.doing}: ${wordsOf(cause)}`, {
    path: context.path,
    offset: context.offset,
    outcome: context.outcome,
    details: errno === undefined ? undefined : { errno },
    cause,
  })
}

/** The errno of a system error (`'EIO'`), or `undefined`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  if (typeof code !== 'string') return undefined
  return code.startsWith(NAMELESS) ? (NAMES.get(Number(code.slice(NAMELESS.length))) ?? code) : code
}

/**
 * How Node.js calls the errors that libuv has no name for: EDQUOT, for one, which is a full disk to the one
 * who has a quota, or ENOLCK. The name is found again by the number that stands behind it.
 */
const NAMELESS = 'Unknown system error -'

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
)

/** The system's own words without the path, which the wrapping error names. */
function wordsOf(cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause)
  if (words.startsWith(NAMELESS)) return errnoOf(cause) ?? words
  return words.replace(/, \w+( '.*')?$/s, '')
}
