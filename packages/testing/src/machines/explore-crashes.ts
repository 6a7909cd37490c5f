import type { AnyMachine, Call, CommandTypes, LoggedCommand, Machine } from 'holdfast'
import { explore } from '../exploration/explore.ts'
import type { Explored, ExploreOptions, Failure } from '../exploration/explored.ts'
import { aPrefixFails } from './check-prefixes.ts'
import { short } from './difference.ts'
import { loggedCommands } from './logged-commands.ts'
import { machineSubject, type StateCheck } from './machine-subject.ts'
import { describeCuts, formatReplay, parseReplay, type Replay } from './replay-line.ts'
import { shrink } from './shrink.ts'

/** A command of a machine, where a list is not written out: `const commands: CommandOf<typeof bank>[] = []`. */
export type CommandOf<M extends AnyMachine> =
  M extends Machine<infer _State, infer Types> ? Call<Types> : never

/** What can be chosen about an exploration. */
export interface ExploreCrashesOptions<State extends object> {
  /** Looks at every state that was recovered. Throws, or returns `false`, for one that must not be. Synchronous. */
  readonly check?: StateCheck<State>
  /** Everything that is left to chance hangs on it: an integer. Default: 1. */
  readonly seed?: number
  /** How often the commands are run, each time by other calls, at other levels, with other snapshots. Default: 3. */
  readonly runs?: number
  /** Random survivals of a power cut at each operation, beside seven extreme ones and two kills. Default: 1. */
  readonly survivals?: number
  /** Of so many recoveries one is cut off itself, and that of it, three deep. 0: none. Default: 200. */
  readonly nestedEvery?: number
  /**
   * How many recoveries there may be, over all runs: the bound on the time that it takes. Where they do not
   * reach, operations are drawn at random from the whole of each run. Default: 750, two or three seconds.
   */
  readonly maxRecoveries?: number
  /** Repeats one run instead: the line in the message of the error. Commands and machine have to be the same. */
  readonly replay?: string
}

/** What an exploration that found nothing has done. */
export interface ExploredCrashes {
  readonly runs: number
  /** Moments at which the runs could be cut off. */
  readonly moments: number
  /** Whether each of them was, in every way: not where `maxRecoveries` came first. */
  readonly complete: boolean
  readonly recoveries: number
  /** Recoveries from a recovery that was cut off. */
  readonly nested: number
  /** How many cuts the most often cut recovery had behind it: at most 3. */
  readonly deepest: number
  /** Disks that equalled one that had been recovered from: held against what had to be on them. */
  readonly known: number
}

/** After a crash a store did not hold what it must, or a state was not what `check` wants. */
export class CrashError extends Error {
  /** The line that repeats it: give it as the option `replay`. */
  readonly replay: string
  /** The commands that it takes, by their index. */
  readonly commands: readonly number[]

  constructor(message: string, replay: Replay, cause: unknown) {
    super(message, { cause })
    this.replay = formatReplay(replay)
    this.commands = replay.commands
  }

  override get name(): string {
    return 'CrashError'
  }
}

/** What shrinking may cost, in recoveries: a second or two. */
const SHRINK_RECOVERIES = 400
/** What shrinking may cost where no store is needed for it, in commands that are applied. */
const SHRINK_APPLIES = 100_000
/** What a shorter list that fails before anything is recovered costs, in recoveries. */
const ATTEMPT_RECOVERIES = 5
/** A shorter list has so many times the recoveries that the failure took to be found, before it is said not to fail. */
const SHRINK_PATIENCE = 4
/** Commands that a message names. */
const NAMED_COMMANDS = 20

/**
 * Runs commands on a store in a simulated environment, in their order; kills it and cuts the power at every
 * operation on the disk, recovers with `open` from what that may leave, and checks after each: nothing
 * acknowledged is lost, the state is that of a prefix of the commands, nothing was invented, no help was
 * needed; and `check`. The same seed does the same.
 *
 * Rejects with a `CrashError` that has as few of the commands as could be found, and a line that replays it;
 * with a `RangeError` or `TypeError` for commands or options that cannot be.
 *
 * ```ts
 * await exploreCrashes(bank, [['deposit', { to: 'ann', amount: 5 }]], { check: ({ total }) => total >= 0 })
 * ```
 */
export async function exploreCrashes<State extends object, Types extends CommandTypes>(
  machine: Machine<State, Types>,
  commands: readonly Call<Types>[],
  options: ExploreCrashesOptions<State> = {},
): Promise<ExploredCrashes> {
  const settings = settingsOf(options)
  const logged = await loggedCommands(machine, commands)
  const exploration = new CrashExploration<State>({ ...machine, schemas: new Map() }, logged, settings)
  return options.replay === undefined ? exploration.run() : exploration.replay(parseReplay(options.replay))
}

type Settings<State extends object> = Omit<Required<ExploreCrashesOptions<State>>, 'check' | 'replay'> &
  Pick<ExploreCrashesOptions<State>, 'check'>

/** A misspelt `check` would check nothing, and say that all is well. */
function settingsOf<State extends object>(options: ExploreCrashesOptions<State>): Settings<State> {
  const { check, replay: _, ...numbers } = options
  if (check !== undefined && typeof check !== 'function') throw new TypeError('check must be a function')
  const least = { seed: 0, runs: 1, survivals: 0, nestedEvery: 0, maxRecoveries: 1 }
  for (const [name, value] of Object.entries(numbers) as [keyof typeof least, number | undefined][]) {
    if (!Object.hasOwn(least, name)) throw new TypeError(`exploreCrashes has no option '${name}'`)
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least[name]))
      throw new RangeError(`${name} must be an integer from ${least[name]}, not ${short(value)}`)
  }
  const { seed = 1, runs = 3, survivals = 1, nestedEvery = 200, maxRecoveries = 750 } = numbers
  return { seed, runs, survivals, nestedEvery, maxRecoveries, ...(check && { check }) }
}

class CrashExploration<State extends object> {
  readonly #machine: Machine<State>
  readonly #commands: readonly LoggedCommand[]
  readonly #settings: Settings<State>

  constructor(machine: Machine<State>, commands: readonly LoggedCommand[], settings: Settings<State>) {
    this.#machine = machine
    this.#commands = commands
    this.#settings = settings
  }

  async run(): Promise<ExploredCrashes> {
    const { runs, maxRecoveries } = this.#settings
    const all = [...this.#commands.keys()]
    const figures = { runs: 0, moments: 0, complete: true, recoveries: 0, nested: 0, deepest: 0, known: 0 }
    for (let run = 0; run < runs; run += 1) {
      const share = Math.ceil((maxRecoveries - figures.recoveries) / (runs - run))
      if (share <= 0) break
      const explored = await this.#exploreRun(all, run, share)
      const [failure] = explored.failures
      if (failure !== undefined) throw await this.#shrunk(all, failure, explored.recoveries)
      figures.runs += 1
      figures.moments += explored.points
      figures.complete &&= explored.recoveries < share
      figures.recoveries += explored.recoveries
      figures.nested += explored.nested
      figures.deepest = Math.max(figures.deepest, explored.deepest)
      figures.known += explored.known
    }
    return figures
  }

  /** With as few commands as can be found. `took`: the recoveries until it failed. */
  async #shrunk(all: readonly number[], first: Failure, took: number): Promise<CrashError> {
    const run = first.workload
    const checked = await this.#shrunkByCheck(all, run)
    if (checked !== undefined) return checked
    let left = SHRINK_RECOVERIES
    const { list, failure } = await shrink<number, Failure>(
      all,
      first,
      async (shorter) => {
        const again = await this.#exploreRun(
          shorter,
          run,
          Math.min(left, SHRINK_PATIENCE * (took + ATTEMPT_RECOVERIES)),
        )
        left -= again.recoveries + ATTEMPT_RECOVERIES
        return again.failures[0]
      },
      () => left <= 0,
    )
    return this.#error(failure, { seed: this.#settings.seed, run, commands: list, cuts: failure.cuts })
  }

  /** The same for a check that fails by itself, without any crash to be tried: nearly all do. */
  async #shrunkByCheck(all: readonly number[], run: number): Promise<CrashError | undefined> {
    const { check, seed, maxRecoveries } = this.#settings
    if (check === undefined) return undefined
    const fails = (indexes: readonly number[]): boolean =>
      aPrefixFails(this.#machine, this.#named(indexes), check)
    if (!fails(all)) return undefined
    let left = SHRINK_APPLIES
    const { list } = await shrink<number, true>(
      all,
      true,
      async (shorter) => {
        left -= shorter.length
        return fails(shorter) || undefined
      },
      () => left <= 0,
    )
    const [failure] = (await this.#exploreRun(list, run, maxRecoveries)).failures
    return failure && this.#error(failure, { seed, run, commands: list, cuts: failure.cuts })
  }

  async replay(replay: Replay): Promise<ExploredCrashes> {
    const { seed, run, commands, cuts } = replay
    const missing = commands.find((index) => index >= this.#commands.length)
    if (missing !== undefined) throw new RangeError(`there is no command #${missing} to replay`)
    const explored = await this.#explore(commands, { seed, only: { workload: run, cuts } })
    const [failure] = explored.failures
    if (failure !== undefined) throw this.#error(failure, replay)
    const { workloads, points, recoveries, nested, deepest, known } = explored
    if (cuts !== '' && recoveries === 0)
      throw new RangeError('there is nothing to cut off there: a replay needs the same commands and machine')
    return { runs: workloads, moments: points, complete: false, recoveries, nested, deepest, known }
  }

  #exploreRun(indexes: readonly number[], run: number, maxRecoveries: number): Promise<Explored> {
    const { seed } = this.#settings
    return this.#explore(indexes, { seed, only: { workload: run, cuts: '' }, maxRecoveries })
  }

  #named(indexes: readonly number[]): LoggedCommand[] {
    return indexes.map((index) => this.#commands[index] as LoggedCommand)
  }

  #explore(
    indexes: readonly number[],
    options: Pick<ExploreOptions, 'seed' | 'only' | 'maxRecoveries'>,
  ): Promise<Explored> {
    const { check, runs, survivals, nestedEvery } = this.#settings
    const commands = this.#named(indexes)
    return explore(machineSubject(this.#machine, commands, check), {
      ...options,
      workloads: runs,
      survivals,
      nestedEvery,
      records: commands.length,
      faults: false,
      damage: false,
      maxFailures: 1,
    })
  }

  #error({ error, cuts }: Failure, replay: Replay): CrashError {
    const { commands } = replay
    // The number of the invariant is for those who know the list.
    const what = error.message.replace(/^I\d[^:]*: /, '')
    const named = commands
      .slice(0, NAMED_COMMANDS)
      .map((index) => `  #${index} ${short(this.#commands[index])}`)
    if (commands.length > NAMED_COMMANDS) named.push(`  and ${commands.length - NAMED_COMMANDS} more`)
    const message = [
      cuts === '' ? what : `after ${describeCuts(cuts)}: ${what}`,
      `commands, ${commands.length} of ${this.#commands.length}:`,
      ...named,
      `replay with the option { replay: '${formatReplay(replay)}' }`,
    ]
    return new CrashError(message.join('\n'), replay, error)
  }
}
