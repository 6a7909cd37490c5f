import type { Call, CommandTypes, LoggedCommand, Machine } from 'holdfast'
import { type Explored, type ExploreOptions, explore, type Failure } from '../exploration/explore.ts'
import { short } from './difference.ts'
import { loggedCommands } from './logged-commands.ts'
import { machineSubject, type StateCheck } from './machine-subject.ts'
import { formatReplay, parseReplay, type Replay } from './replay-line.ts'
import { shrink } from './shrink.ts'

/** What can be chosen about an exploration. */
export interface ExploreCrashesOptions<State extends object> {
  /** Looks at every state that was recovered. Throws, or returns `false`, for one that must not be. Synchronous. */
  readonly check?: StateCheck<State>
  /** Everything that is left to chance hangs on it. Default: 1. */
  readonly seed?: number
  /** How often the commands are run, each time by other calls, at other levels, with other snapshots. Default: 3. */
  readonly runs?: number
  /** Random survivals of a power cut at each operation, beside seven extreme ones and two kills. Default: 1. */
  readonly survivals?: number
  /** Of so many recoveries one is cut off itself, and that of it, three deep. 0: none. Default: 200. */
  readonly nestedEvery?: number
  /** Repeats one run instead: the line in the message of the error. Commands and machine have to be the same. */
  readonly replay?: string
}

/** What an exploration that found nothing has done. */
export interface ExploredCrashes {
  readonly runs: number
  /** Moments at which a run was cut off. */
  readonly moments: number
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
const SHRINK_RECOVERIES = 1000
/** Commands that a message names. */
const NAMED_COMMANDS = 20

/**
 * Runs commands on a store in a simulated environment, in their order; kills it and cuts the power at every
 * operation, recovers with `open` from what that may leave, and checks after each: nothing acknowledged is
 * lost, the state is that of a prefix of the commands, nothing was invented, no help was needed; and `check`.
 * The same seed does the same.
 *
 * Rejects with a `CrashError` that has as few of the commands as could be found, and a line that replays it.
 */
export async function exploreCrashes<State extends object, Types extends CommandTypes>(
  machine: Machine<State, Types>,
  commands: readonly Call<Types>[],
  options: ExploreCrashesOptions<State> = {},
): Promise<ExploredCrashes> {
  const logged = await loggedCommands(machine, commands)
  const exploration = new CrashExploration<State>({ ...machine, schemas: new Map() }, logged, options)
  return options.replay === undefined ? exploration.run() : exploration.replay(parseReplay(options.replay))
}

class CrashExploration<State extends object> {
  readonly #machine: Machine<State>
  readonly #commands: readonly LoggedCommand[]
  readonly #options: ExploreCrashesOptions<State>

  constructor(
    machine: Machine<State>,
    commands: readonly LoggedCommand[],
    options: ExploreCrashesOptions<State>,
  ) {
    this.#machine = machine
    this.#commands = commands
    this.#options = options
  }

  async run(): Promise<ExploredCrashes> {
    const { seed = 1 } = this.#options
    const all = [...this.#commands.keys()]
    const explored = await this.#explore(all, { seed })
    const [first] = explored.failures
    if (first === undefined) return figuresOf(explored)
    let left = SHRINK_RECOVERIES
    const { list, failure } = await shrink<number, Failure>(
      all,
      first,
      async (shorter) => {
        const only = { workload: first.workload, cuts: '' }
        const again = await this.#explore(shorter, { seed, only, maxRecoveries: left })
        // One that fails before anything is recovered costs something as well.
        left -= again.recoveries + 10
        return again.failures[0]
      },
      () => left <= 0,
    )
    throw this.#error(failure, { seed, run: failure.workload, commands: list, cuts: failure.cuts })
  }

  async replay(replay: Replay): Promise<ExploredCrashes> {
    const { seed, run, commands, cuts } = replay
    const missing = commands.find((index) => index >= this.#commands.length)
    if (missing !== undefined) throw new RangeError(`there is no command #${missing} to replay`)
    const explored = await this.#explore(commands, { seed, only: { workload: run, cuts } })
    const [failure] = explored.failures
    if (failure !== undefined) throw this.#error(failure, replay)
    if (cuts !== '' && explored.recoveries === 0)
      throw new RangeError('there is nothing to cut off there: a replay needs the same commands and machine')
    return figuresOf(explored)
  }

  #explore(
    indexes: readonly number[],
    options: Pick<ExploreOptions, 'seed' | 'only' | 'maxRecoveries'>,
  ): Promise<Explored> {
    const { check, runs = 3, survivals = 1, nestedEvery = 200 } = this.#options
    const commands = indexes.map((index) => this.#commands[index] as LoggedCommand)
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
    const named = commands
      .slice(0, NAMED_COMMANDS)
      .map((index) => `  #${index} ${short(this.#commands[index])}`)
    if (commands.length > NAMED_COMMANDS) named.push(`  and ${commands.length - NAMED_COMMANDS} more`)
    const message = [
      cuts === '' ? error.message : `after a crash, ${error.message}`,
      `commands, ${commands.length} of ${this.#commands.length}:`,
      ...named,
      `replay with the option { replay: '${formatReplay(replay)}' }`,
    ]
    return new CrashError(message.join('\n'), replay, error)
  }
}

function figuresOf({ workloads, points, recoveries, nested, deepest, known }: Explored): ExploredCrashes {
  return { runs: workloads, moments: points, recoveries, nested, deepest, known }
}
