// Whether what a process told of its life is what was promised.
import { ERROR_CODES, type ErrorCode } from '@holdfast/environment'
import type { Account } from './account.ts'
import type { Ending } from './subject.ts'
import type { Told, ToldError } from './told.ts'

/** What a fault allows. */
export interface Allowance {
  /** Nobody may notice it. */
  readonly harmless: boolean
  /** It may end the process. */
  readonly deadly: boolean
  /** What an error must have among its causes. */
  readonly errnos: readonly string[]
  /** The kernel was kept from closing so many descriptors. */
  readonly descriptors: number
}

/** How a life went, by the worst that happened in it. */
export const OUTCOMES = [
  'unnoticed',
  'warning',
  'moved to a new segment',
  'call failed',
  'command refused',
  'store failed',
  'opening failed',
  'killed',
] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface Verdict {
  readonly outcome: Outcome
  readonly violations: readonly string[]
  readonly codes: readonly string[]
}

/** What an operation may fail with because of the system. Anything else says that files are damaged, which they are not. */
const SYSTEM_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'IO_ERROR',
  'NO_SPACE',
  'FAILED',
  'LOCK_UNAVAILABLE',
  'SNAPSHOT_FAILED',
])
/** A lock that is refused with these is held by somebody. */
const HELD_ERRNOS: ReadonlySet<string> = new Set(['EAGAIN', 'EACCES'])

/** Reads a life into the account, which may hold lives before it. */
export function judge(ending: Ending, account: Account, allowed: Allowance): Verdict {
  const life = new Life(account, allowed)
  for (const told of ending.told) life.hear(told)
  const { code, signal, hung } = ending
  if (hung) life.violated('it hung')
  else if (signal === 'SIGKILL' && allowed.deadly) life.saw('killed')
  else if (code !== 0) life.violated(`the process ended with ${signal ?? code}`)
  else if (ending.told.at(-1)?.type !== 'end') life.violated('it came to no end')
  return { outcome: life.worst, violations: life.violations, codes: [...life.codes] }
}

class Life {
  readonly #account: Account
  readonly #allowed: Allowance
  readonly violations: string[] = []
  readonly codes: Set<string> = new Set()
  worst: Outcome = 'unnoticed'
  /** The fault is over: from here on everything must work. */
  #healed = false

  constructor(account: Account, allowed: Allowance) {
    this.#account = account
    this.#allowed = allowed
  }

  violated(what: string): void {
    this.violations.push(what)
  }

  saw(outcome: Outcome): void {
    if (OUTCOMES.indexOf(outcome) > OUTCOMES.indexOf(this.worst)) this.worst = outcome
  }

  hear(told: Told): void {
    switch (told.type) {
      case 'ready':
      case 'end':
      case 'done':
        break
      case 'issued':
        this.#account.issued(told.group, told.bytes)
        break
      case 'acknowledged':
        this.#account.acknowledged(told.group, told.outcomes)
        break
      case 'rejected':
        this.#rejected(told)
        break
      case 'opened':
        this.#opened(told)
        break
      case 'failed':
        this.#failed(told)
        break
      case 'changed':
        break
      case 'event':
        this.#event(told)
        break
      case 'descriptors':
        if (told.paths.length > this.#allowed.descriptors)
          this.violated(`still open after the end: ${told.paths.join(', ')}`)
        break
      case 'heal':
        break
      case 'healed':
        this.#healed = true
        break
      case 'uncaught':
        this.violated(`nobody caught: ${told.reason}`)
        break
      default:
        told satisfies never
    }
  }

  #opened({ by, seq, found }: Extract<Told, { type: 'opened' }>): void {
    try {
      this.#account.opened(by, seq, found)
    } catch (error) {
      this.violated(`opened again: ${(error as Error).message}`)
    }
  }

  #rejected({ group, error }: Extract<Told, { type: 'rejected' }>): void {
    this.saw('command refused')
    this.#checkCall(`group ${group}`, error)
    if (error.outcome === 'not-written') this.#account.notWritten(group)
    else if (error.outcome !== 'unknown') this.violated(`group ${group} has no outcome: ${error.message}`)
  }

  #failed({ what, error }: Extract<Told, { type: 'failed' }>): void {
    this.saw(what === 'open' || what === 'read-only' ? 'opening failed' : 'call failed')
    this.#checkCall(what, error)
  }

  #event({ name, error }: Extract<Told, { type: 'event' }>): void {
    if (error !== undefined) this.#check(`event ${name}`, error)
    if (name === 'moved') this.saw('moved to a new segment')
    else this.saw(name === 'failed' ? 'store failed' : 'warning')
  }

  #checkCall(what: string, error: ToldError): void {
    this.#check(what, error)
    // What goes on in the background may tell of it later.
    if (this.#healed) this.violated(`the fault was over. ${what}: ${error.message}`)
  }

  #check(what: string, { code, path, message, errnos }: ToldError): void {
    if (code === undefined) return this.violated(`${what}: an error without a code: ${message}`)
    this.codes.add(code)
    if (!(code in ERROR_CODES)) this.violated(`${what}: ${code} is no documented code`)
    if (this.#allowed.harmless) this.violated(`nobody should have noticed. ${what}: ${message}`)
    const held = code === 'LOCKED' && this.#allowed.errnos.some((errno) => HELD_ERRNOS.has(errno))
    if (!SYSTEM_CODES.has(code) && !held) this.violated(`${what}: ${message}`)
    if ((code === 'IO_ERROR' || code === 'NO_SPACE') && path === undefined)
      this.violated(`${what}: no path: ${message}`)
    const { errnos: expected } = this.#allowed
    if (!held && expected.length > 0 && !errnos.some((errno) => expected.includes(errno)))
      this.violated(
        `${what}: its causes (${errnos.join(', ')}) do not name ${expected.join(' or ')}: ${message}`,
      )
  }
}
