import { type Call, type CommandTypes, isHoldfastError, type LoggedCommand, type Machine } from 'holdfast'
import { apply, type Outcome, outcomesDiffer, statesDiffer } from './apply.ts'
import { short } from './difference.ts'
import { loggedCommands } from './logged-commands.ts'
import { sharedBetween, sharedReference } from './shared-reference.ts'
import { copyOf, restored } from './stored.ts'

/**
 * What can be wrong with a machine.
 *
 * - `not-deterministic`: the same commands came to something else the second time.
 * - `changed-and-refused`: it had changed the state when it refused.
 * - `threw`: it threw something else than a `Refusal`, or gave a promise.
 * - `not-storable`: the state holds what cannot be brought back from bytes.
 * - `shared-reference`: an object of the state is reachable twice, and would be two after a restart; or it stands
 *   in two states at once, which change each other.
 * - `not-restored`: what a snapshot gives back is another state, or behaves like one.
 * - `not-captured`: what `capture` gives is another state, or changes with it.
 */
export type MachineFault =
  | 'not-deterministic'
  | 'changed-and-refused'
  | 'threw'
  | 'not-storable'
  | 'shared-reference'
  | 'not-restored'
  | 'not-captured'

/** A machine is not what a machine has to be. */
export class MachineError extends Error {
  readonly fault: MachineFault
  /** Which of the commands it was, from 0. `undefined`: the first state, before any of them. */
  readonly index: number | undefined

  constructor(
    fault: MachineFault,
    index: number | undefined,
    command: LoggedCommand | undefined,
    what: string,
    cause?: unknown,
  ) {
    const where = index === undefined ? 'the first state' : `#${index} ${short(command)}`
    super(`${fault}: ${where}: ${what}`, cause === undefined ? {} : { cause })
    this.fault = fault
    this.index = index
  }

  override get name(): string {
    return 'MachineError'
  }
}

/** The time of the first command, in milliseconds since 1970: the beginning of 2026. */
const START_MS = Date.UTC(2026, 0, 1)

/**
 * Finds out whether a machine is one, as far as these commands show it. They are applied to three states side
 * by side: twice, a millisecond apart, and to what a snapshot restores before each of them. Rejects with a
 * `MachineError` that says which command it was, by index, and what differed; with a `RangeError` or `TypeError`
 * for commands that the machine does not have, or none.
 *
 * Takes three milliseconds for each command, and time that grows with the state.
 *
 * ```ts
 * await checkMachine(bank, [['deposit', { to: 'ann', amount: 5 }], ['withdraw', { from: 'ann', amount: 9 }]])
 * ```
 */
export async function checkMachine<State extends object, Types extends CommandTypes>(
  machine: Machine<State, Types>,
  commands: readonly Call<Types>[],
): Promise<void> {
  const logged = await loggedCommands(machine, commands)
  await new MachineCheck<State>(machine).run(logged)
}

class MachineCheck<State extends object> {
  readonly #machine: Machine<State>
  #index: number | undefined
  #command: LoggedCommand | undefined

  constructor(machine: Machine<State>) {
    this.#machine = machine
  }

  async run(commands: readonly LoggedCommand[]): Promise<void> {
    const first = this.#machine.initial()
    let third = await this.#restored(first)
    const firstView = this.#captured(first)
    pass()
    const second = this.#machine.initial()
    this.#assertApart(first, second, 'initial gives the same object each time')
    this.#assertSame('not-deterministic', first, second, 'initial gives another state the second time')
    for (const [index, command] of commands.entries()) {
      this.#index = index
      this.#command = command
      const context = { seq: index + 1, time: START_MS + index }
      const applied = (state: State): Outcome => apply(this.#machine, state, copyOf(command), context)

      const view = this.#captured(first)
      const outcome = applied(first)
      // The second state has not seen the command yet: it is the first one as it was.
      if (outcome.kind !== 'accepted')
        this.#assertSame('changed-and-refused', second, first, 'it had changed the state when it threw')
      if (outcome.kind === 'failed')
        throw this.#error('threw', `${String(outcome.error)}, which is no Refusal`, outcome.error)

      if (view !== undefined)
        this.#assertSame(
          'not-captured',
          second,
          view,
          'what capture gave before it has changed with the state',
        )
      const next = await this.#restored(first)
      pass()
      const again = applied(second)
      this.#assertSameOutcome('not-deterministic', outcome, again, 'the second time')
      this.#assertSame('not-deterministic', first, second, 'the second time the state was another one')
      this.#assertApart(first, second, 'it put the same object into two states')

      const later = applied(third)
      const restart = 'after a restart from a snapshot just before it'
      this.#assertSameOutcome('not-restored', outcome, later, restart)
      this.#assertSame('not-restored', first, third, `${restart}, the state was another one`)
      third = next
    }
    if (firstView !== undefined)
      this.#assertSame(
        'not-captured',
        this.#machine.initial(),
        firstView,
        'what capture gave at first has changed',
      )
  }

  #captured(state: State): State | undefined {
    const { capture } = this.#machine
    if (capture === undefined) return undefined
    const view = capture(state)
    if (view === state)
      throw this.#error('not-captured', 'capture gives the state itself, which goes on changing')
    this.#assertSame('not-captured', state, view, 'capture gives another state')
    return view
  }

  /** Two states of one machine have nothing in common but what can never change. */
  #assertApart(first: State, second: State, what: string): void {
    if (first === second) throw this.#error('shared-reference', `${what}: $`)
    // With entries a state may hold what is no part of it.
    if (this.#machine.entries !== undefined) return
    const shared = sharedBetween(first, second)
    if (shared !== undefined) throw this.#error('shared-reference', `${what}: ${shared.at}`)
  }

  async #restored(state: State): Promise<State> {
    // A machine with entries puts its references together again by itself.
    const shared = this.#machine.entries === undefined ? sharedReference(state) : undefined
    if (shared !== undefined)
      throw this.#error(
        'shared-reference',
        `${shared.at} and ${shared.alsoAt} are the same object, and two after a restart: keep it in one place, and its key in the other`,
      )
    let copy: State
    try {
      copy = await restored(this.#machine, state)
    } catch (error) {
      const fault = isHoldfastError(error, 'NOT_SERIALIZABLE') ? 'not-storable' : 'not-restored'
      throw this.#error(fault, String(error), error)
    }
    this.#assertSame('not-restored', state, copy, 'a snapshot gives back another state')
    return copy
  }

  #assertSame(fault: MachineFault, one: State, other: State, what: string): void {
    const differ = statesDiffer(this.#machine, one, other)
    if (differ !== undefined) throw this.#error(fault, `${what}: ${differ}`)
  }

  #assertSameOutcome(fault: MachineFault, one: Outcome, other: Outcome, when: string): void {
    const differ = outcomesDiffer(one, other)
    if (differ !== undefined) throw this.#error(fault, `another outcome ${when}: ${differ}`)
  }

  #error(fault: MachineFault, what: string, cause?: unknown): MachineError {
    return new MachineError(fault, this.#index, this.#command, what, cause)
  }
}

/** Never woken. */
const asleep = new Int32Array(new SharedArrayBuffer(4))
/** Enough for `Date.now()` to give another millisecond. */
const PAUSE_MS = 1.5

/** Lets the clock move on, so that a machine that reads it sees another time. Ends where a test has stopped the clock, too. */
function pass(): void {
  Atomics.wait(asleep, 0, 0, PAUSE_MS)
}
