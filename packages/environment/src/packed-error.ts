import type { ErrorCode } from './error-codes.ts'
import { HoldfastError, type HoldfastErrorFields, isHoldfastError } from './errors.ts'

/** An error on its way from one thread to another: a structured clone loses what Holdfast's errors know. */
export interface PackedError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** Of an error of Holdfast's. */
  readonly code: ErrorCode | undefined
  /** Of an error of the system: `ENOSPC` and so on. */
  readonly errno: string | undefined
  readonly fields: Omit<HoldfastErrorFields, 'cause'> | undefined
  readonly cause: PackedError | undefined
}

/** A chain of causes that is longer is cut: it may be a ring. */
const MAX_CAUSES = 8

export function packError(error: unknown, causes = 0): PackedError {
  if (!(error instanceof Error)) {
    return {
      name: 'Error',
      message: String(error),
      stack: undefined,
      code: undefined,
      errno: undefined,
      fields: undefined,
      cause: undefined,
    }
  }
  const { name, message, stack, cause } = error
  const isOurs = isHoldfastError(error)
  const { code } = error as NodeJS.ErrnoException
  return {
    name,
    message,
    stack,
    code: isOurs ? error.code : undefined,
    errno: isOurs ? undefined : code,
    fields: isOurs ? fieldsOf(error) : undefined,
    cause: cause === undefined || causes === MAX_CAUSES ? undefined : packError(cause, causes + 1),
  }
}

export function unpackError({ name, message, stack, code, errno, fields, cause }: PackedError): Error {
  const why = cause === undefined ? {} : { cause: unpackError(cause) }
  const error =
    code === undefined ? new Error(message, why) : new HoldfastError(code, '', { ...fields, ...why })
  const facts = code === undefined ? { name, ...(errno === undefined ? {} : { code: errno }) } : { message }
  for (const [key, value] of Object.entries({ ...facts, stack })) {
    Object.defineProperty(error, key, {
      value,
      writable: true,
      configurable: true,
      enumerable: key === 'code',
    })
  }
  return error
}

function fieldsOf({ path, offset, seq, outcome, hint = '', details }: HoldfastError): PackedError['fields'] {
  return { path, offset, seq, outcome, hint, details: cloneable(details) }
}

/** Details are for programs: plain data. What is not is left behind. */
function cloneable(details: HoldfastErrorFields['details']): HoldfastErrorFields['details'] {
  try {
    return structuredClone(details)
  } catch {
    return undefined
  }
}
