import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import { pathOf } from './value-path.ts'

/** Bytes whose checksum is right, but that no writer of this format writes. The reader of the file adds where. */
export function malformed(happened: string, cause?: unknown): HoldfastError {
  return new HoldfastError('DECODE_FAILED', happened, { cause })
}

/** What did not decode, as the error of the file that it is in. Other errors know better and stay what they are. */
export function inFile(error: unknown, what: string, path: string, offset: number): unknown {
  if (isHoldfastError(error) && error.code !== 'DECODE_FAILED') return error
  return new HoldfastError('SNAPSHOT_CORRUPT', `${what} does not decode, though its checksum is right`, {
    path,
    offset,
    cause: error,
  })
}

/** What is being taken apart cannot be brought back. `reason` completes a sentence that begins with its path. */
export function notSerializable(reason: string): HoldfastError {
  return new HoldfastError('NOT_SERIALIZABLE', reason, { details: { at: '$', reason } })
}

/** What is being taken apart is not what it was when that began. */
export function changed(): HoldfastError {
  const reason = 'was changed while it was being written'
  return new HoldfastError('SNAPSHOT_FAILED', reason, {
    hint: 'Nothing was published. Let nothing change a value before write() is done with it, or write a copy.',
    details: { at: '$', reason },
  })
}

/**
 * The same refusal with its whole path: `steps` lead from the value that was written to the one that was
 * refused, which may know the way on from there. `index` counts the values that were written before.
 */
export function located(error: unknown, steps: readonly string[], index: number): unknown {
  if (!isHoldfastError(error)) return unreadable(error, steps, index)
  const { at, reason } = error.details ?? {}
  if (typeof at !== 'string' || typeof reason !== 'string') return error
  const path = pathOf(at === '$' ? steps : [...steps, at.slice(1)])
  return new HoldfastError(error.code, `of value ${index}, ${path} ${reason}`, {
    hint: error.hint,
    details: { at: path, reason, index },
    cause: error.cause,
  })
}

/** A getter threw, or a Proxy. */
function unreadable(cause: unknown, steps: readonly string[], index: number): HoldfastError {
  const reason = 'could not be read'
  const at = pathOf(steps)
  return new HoldfastError('NOT_SERIALIZABLE', `of value ${index}, ${at} ${reason}`, {
    details: { at, reason, index },
    cause,
  })
}
