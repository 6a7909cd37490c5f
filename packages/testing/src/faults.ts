import type { OpenMode } from '@holdfast/environment'

/** A call of the file system or of a file. */
export type CallName =
  | 'open'
  | 'list'
  | 'stat'
  | 'makeDirectory'
  | 'rename'
  | 'unlink'
  | 'syncDirectory'
  | 'read'
  | 'write'
  | 'writeThrough'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close'

/** Which calls go wrong, and how. */
export interface FaultRule {
  /** The kind of call, or several that are counted together. */
  readonly on: CallName | readonly CallName[]
  /** Only on these paths; of a rename, either one. Default: all. */
  readonly path?: RegExp
  /** The first call to go wrong, among those that match since the rule was added. Default 1. */
  readonly nth?: number
  /** How many go wrong from there on. Default 1; `Infinity` for all. */
  readonly times?: number
  readonly fault: Fault
}

/**
 * - `errno`: the call is refused with this error. With `made`, it is made first, and then said to have
 *   failed. A `close` always closes.
 * - `shortBytes`: a read or write takes no more than so many bytes; 0 is no progress.
 * - `hang`: the call is made once the promise resolves; if it rejects, so does the call.
 * - `before`: runs first, then the call is made. What it throws is the call's error.
 */
export type Fault =
  | { readonly errno: string; readonly made?: boolean }
  | { readonly shortBytes: number }
  | { readonly hang: Promise<unknown> }
  | { readonly before: () => void | Promise<void> }

/** A call that was made. */
export interface CallRecord {
  readonly call: CallName
  readonly path: string
  /** Of a rename: the new name. */
  readonly to?: string
  /** Of an open. */
  readonly mode?: OpenMode
  /** Of a read or write. */
  readonly position?: number
  /** Of a read or write: how many were asked for. Of a truncate: the new size. */
  readonly bytes?: number
  /** The fault that it met, if any. */
  fault?: Fault
  /** How it ended: `undefined` while it is under way, then `'ok'` or the error's code or message. */
  result?: string
}

/** A rule at work. */
export interface ActiveRule {
  /** How many calls have gone wrong by it. */
  readonly hits: number
  /** Takes it away. */
  remove(): void
}

interface RunOptions<T> {
  /** What is undone where a call was made and is said to have failed. */
  readonly undo?: (value: T) => Promise<unknown>
  /** The call is made whatever the fault says. */
  readonly always?: boolean
}

/** Decides of every call whether it goes wrong. */
export class FaultRules {
  #rules: RuleState[] = []

  add(rule: FaultRule): ActiveRule {
    const state = new RuleState(rule)
    this.#rules.push(state)
    return {
      get hits() {
        return state.hits
      },
      remove: () => {
        this.#rules = this.#rules.filter((other) => other !== state)
      },
    }
  }

  clear(): void {
    this.#rules = []
  }

  /** Every rule counts every call that it matches; the first that is due decides. */
  due(record: CallRecord): Fault | undefined {
    let due: RuleState | undefined
    for (const rule of this.#rules) {
      if (rule.counts(record)) due ??= rule
    }
    if (due === undefined) return undefined
    due.hits += 1
    return due.rule.fault
  }
}

/** Makes calls go wrong by rules, and writes every call down. */
export class FaultSwitch {
  #log: CallRecord[] = []
  readonly #rules = new FaultRules()

  get log(): readonly CallRecord[] {
    return this.#log
  }

  add(rule: FaultRule): ActiveRule {
    return this.#rules.add(rule)
  }

  clearRules(): void {
    this.#rules.clear()
  }

  clearLog(): void {
    this.#log = []
  }

  /** Makes a call with whatever fault is due. `limit` is how many bytes it may transfer. */
  async run<T>(
    record: CallRecord,
    make: (limit?: number) => Promise<T>,
    options: RunOptions<T> = {},
  ): Promise<T> {
    this.#log.push(record)
    const fault = this.#rules.due(record)
    if (fault !== undefined) record.fault = fault
    try {
      const value = await this.#make(record, fault, make, options)
      record.result = 'ok'
      return value
    } catch (error) {
      record.result = (error as NodeJS.ErrnoException).code ?? String(error)
      throw error
    }
  }

  async #make<T>(
    record: CallRecord,
    fault: Fault | undefined,
    make: (limit?: number) => Promise<T>,
    { undo, always }: RunOptions<T>,
  ): Promise<T> {
    if (fault === undefined) return make()
    if ('shortBytes' in fault) return make(fault.shortBytes)
    if ('errno' in fault) {
      if (fault.made || always) {
        const value = await make()
        await undo?.(value)
      }
      throw errnoError(fault.errno, record)
    }
    await ('hang' in fault ? fault.hang : fault.before())
    return make()
  }
}

class RuleState {
  readonly rule: FaultRule
  hits = 0
  #seen = 0

  constructor(rule: FaultRule) {
    this.rule = rule
  }

  /** Counts a call that matches: whether it is one of those that go wrong. */
  counts(record: CallRecord): boolean {
    const { on, path, nth = 1, times = 1 } = this.rule
    if (typeof on === 'string' ? on !== record.call : !on.includes(record.call)) return false
    if (path !== undefined && !path.test(record.path) && !(record.to !== undefined && path.test(record.to))) {
      return false
    }
    this.#seen += 1
    return this.#seen >= nth && this.#seen < nth + times
  }
}

/** An error as the system makes them. */
export function errnoError(
  errno: string,
  { call, path }: { call: string; path: string },
): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${errno}: made to fail, ${call} '${path}'`)
  error.code = errno
  error.syscall = call
  error.path = path
  return error
}
