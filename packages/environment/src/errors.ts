import { ERROR_CODES, type ErrorCode } from './error-codes.ts'
import type { LockHolder } from './locks.ts'

/** Of a write that failed: surely not there, or perhaps there after reopening. */
export type WriteOutcome = 'not-written' | 'unknown'

/** What an error knows beside its code and what happened. */
export interface HoldfastErrorFields {
  /** The file or directory that it is about. */
  readonly path?: string | undefined
  /** The byte in that file. */
  readonly offset?: number | undefined
  /** The sequence number that it is about. */
  readonly seq?: number | undefined
  /** Of a write: whether it may be there after reopening. */
  readonly outcome?: WriteOutcome | undefined
  /** What is safe and what to do next. Left out, it is what the list of error codes says; '' says nothing. */
  readonly hint?: string | undefined
  /** Whatever else a program could want to know. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** The error underneath. */
  readonly cause?: unknown
}

/** Marks the class across copies of this package: two of them may be installed in one program. */
const BRAND: unique symbol = Symbol.for('holdfast.error') as never

/** Every error that Holdfast throws on purpose. Its message reads `CODE: what happened (where). what to do`. */
export class HoldfastError extends Error {
  /** One of the documented list; the rest of the message may change, this doesn't. */
  readonly code: ErrorCode
  /** The file or directory that it is about. */
  declare readonly path?: string
  /** The byte in that file. */
  declare readonly offset?: number
  /** The sequence number that it is about. */
  declare readonly seq?: number
  /** Of a write: whether it may be there after reopening. */
  declare readonly outcome?: WriteOutcome
  /** What is safe and what to do next: the end of the message. */
  declare readonly hint?: string
  /** Whatever else a program could want to know. */
  declare readonly details?: Readonly<Record<string, unknown>>

  /** `happened` says what happened, in one clause without the code, the place or a full stop. */
  constructor(code: ErrorCode, happened: string, fields: HoldfastErrorFields = {}) {
    const hint = fields.hint ?? ERROR_CODES[code].next
    super(
      messageOf(code, happened, fields, hint),
      fields.cause === undefined ? undefined : { cause: fields.cause },
    )
    this.code = code
    // Only what is known becomes a property, so that a printed error isn't a list of undefined.
    const { path, offset, seq, outcome, details } = fields
    Object.assign(this, definedOnly({ path, offset, seq, outcome, details, hint: hint || undefined }))
  }

  static {
    // On the prototype, so that a printed error shows neither.
    Object.defineProperty(HoldfastError.prototype, BRAND, { value: true })
    Object.defineProperty(HoldfastError.prototype, 'name', {
      value: 'HoldfastError',
      writable: true,
      configurable: true,
    })
  }
}

/** A sequence was asked for that is no longer there. Nothing was delivered in its place. */
export class GapError extends HoldfastError {
  /** The first sequence that was asked for. */
  readonly requestedSeq: number
  /** The first sequence that is still there. */
  readonly firstSeq: number

  constructor(requestedSeq: number, firstSeq: number, fields: Omit<HoldfastErrorFields, 'seq'> = {}) {
    super('GAP', `sequence ${requestedSeq} was asked for, and the first still there is ${firstSeq}`, {
      ...fields,
      seq: requestedSeq,
    })
    this.requestedSeq = requestedSeq
    this.firstSeq = firstSeq
  }

  static {
    Object.defineProperty(GapError.prototype, 'name', {
      value: 'GapError',
      writable: true,
      configurable: true,
    })
  }
}

/** Another store writes to this directory. Who it is, as far as it could write that down. */
export class LockedError extends HoldfastError {
  /** The process that holds the lock. */
  declare readonly pid?: number
  /** The machine that it runs on. */
  declare readonly host?: string
  /** When it took the lock, ISO 8601. */
  declare readonly since?: string

  constructor(holder: LockHolder | undefined, fields: Omit<HoldfastErrorFields, 'details'> = {}) {
    const who =
      holder === undefined
        ? 'a process that could not be named'
        : `process ${holder.pid} on ${holder.host} since ${holder.since}`
    super('LOCKED', `the store is open for writing in ${who}`, {
      ...fields,
      details: holder && { pid: holder.pid, host: holder.host, since: holder.since },
    })
    Object.assign(this, this.details)
  }

  static {
    Object.defineProperty(LockedError.prototype, 'name', {
      value: 'LockedError',
      writable: true,
      configurable: true,
    })
  }
}

/** Whether this is an error of Holdfast's, and of this code if one is given. Works across copies of the package. */
export function isHoldfastError(error: unknown, code?: ErrorCode): error is HoldfastError {
  return (
    error instanceof Error &&
    (error as { [BRAND]?: boolean })[BRAND] === true &&
    (code === undefined || (error as HoldfastError).code === code)
  )
}

function messageOf(code: ErrorCode, happened: string, fields: HoldfastErrorFields, hint: string): string {
  const where = [
    fields.path === undefined ? undefined : `path ${fields.path}`,
    fields.offset === undefined ? undefined : `offset ${fields.offset}`,
    fields.seq === undefined ? undefined : `seq ${fields.seq}`,
  ].filter((part) => part !== undefined)
  const place = where.length === 0 ? '' : ` (${where.join(', ')})`
  return `${code}: ${happened}${place}.${hint === '' ? '' : ` ${hint}`}`
}

function definedOnly(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
