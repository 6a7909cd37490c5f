/** Marks the class across copies of this package: two of them may be installed in one program. */
const BRAND: unique symbol = Symbol.for('holdfast.refusal') as never

/**
 * A command says no: `throw new Refusal('NO_SUCH_CITY', { id })` inside `apply`, before it has changed the
 * state. The call of `execute` rejects with it, the refusal is recorded, and a replay expects it again.
 */
export class Refusal<Data = unknown> extends Error {
  /** Why, for a program. The codes are the application's own. */
  readonly code: string
  /** Whatever the caller should know beside the code. It is not written to disk: replay makes it again. */
  readonly data: Data

  constructor(code: string, ...data: undefined extends Data ? [data?: Data] : [data: Data]) {
    super(`the command was refused: ${code}`)
    this.code = code
    this.data = data[0] as Data
  }

  static {
    // On the prototype, so that a printed refusal shows neither.
    Object.defineProperty(Refusal.prototype, BRAND, { value: true })
    Object.defineProperty(Refusal.prototype, 'name', {
      value: 'Refusal',
      writable: true,
      configurable: true,
    })
  }
}

/** Whether this is a refusal, and of this code if one is given. Works across copies of the package. */
export function isRefusal(error: unknown, code?: string): error is Refusal {
  return (
    error instanceof Error &&
    (error as { [BRAND]?: boolean })[BRAND] === true &&
    (code === undefined || (error as Refusal).code === code)
  )
}
