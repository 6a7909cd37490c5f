import { isDeepStrictEqual } from 'node:util'
import { isHoldfastError } from 'holdfast'
import { type KillStore, timeless } from './store.ts'
import { type KillGroup, type KillState, groupsAfter, refusedBy, step } from './workload.ts'

const IN_FLIGHT_MAX_GROUPS = 24
/** What a victim asks for beside: more than it needs. */
export const SNAPSHOT_EVERY_GROUPS = 151
export const SYNC_EVERY_GROUPS = 47

/** How a load is put on a store. */
export interface LoadOptions {
  readonly seed: number
  readonly largeMaxBytes?: number
  /** Hears of each group, in order, once the store has acknowledged it. */
  readonly acknowledged: (group: KillGroup) => void
}

/**
 * Hands in groups, some at a time, from where the store ends, and holds every outcome against what the
 * machine alone gives. A group that the store refused, with an error of its own, stops the load: that error
 * comes up from whatever is called next.
 */
export class Load {
  readonly #store: KillStore
  readonly #options: LoadOptions
  readonly #model: KillState
  readonly #drawn: Generator<KillGroup, never, undefined>
  #inFlight: Promise<void>[] = []
  #earlier: Promise<void> = Promise.resolve()
  /** Of each group that the store refused, in the order in which they came. */
  readonly errors: unknown[] = []
  /** Groups that the store has neither acknowledged nor refused. */
  underWay = 0
  /** Drawn, and not in the log. */
  #refused: KillGroup | undefined

  constructor(store: KillStore, options: LoadOptions) {
    this.#store = store
    this.#options = options
    this.#model = structuredClone(store.state) as KillState
    this.#drawn = groupsAfter(options.seed, store.appliedSeq, options.largeMaxBytes)
  }

  /** Hands in the next group once there is room, and waits where too many are under way. */
  async handIn(): Promise<void> {
    await this.#store.ready()
    this.#handIn(this.#next())
    if (this.#inFlight.length >= IN_FLIGHT_MAX_GROUPS) await this.#inFlight.shift()
  }

  /**
   * Hands in groups without waiting until the store refuses one as too many, and that one again once there
   * is room. Returns how many it took.
   */
  async overload(maxQueuedBytes: number): Promise<number> {
    await this.settled()
    let taken = 0
    for (; this.#store.stats().log.queuedBytes < maxQueuedBytes; taken += 1) this.#handIn(this.#next())
    const group = this.#next()
    this.#refused = group
    const error = await send(this.#store, group).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (!isHoldfastError(error, 'OVERLOADED')) {
      throw new Error(`a full queue is OVERLOADED, not ${String(error)}`, { cause: error })
    }
    await this.settled()
    return taken
  }

  /**
   * Hands in one group by itself. Returns the error that the store refused it with, if it said that nothing
   * was written: the group is the next one again.
   */
  async attempt(): Promise<Error | undefined> {
    await this.settled()
    const group = this.#next()
    try {
      await this.#store.ready()
      this.#acknowledged(group, await send(this.#store, group))
      return undefined
    } catch (error) {
      if (!isHoldfastError(error) || error.outcome !== 'not-written') throw error
      this.#refused = group
      return error
    }
  }

  /** Resolves once everything that was handed in has been acknowledged and found right. */
  async settled(): Promise<void> {
    this.#inFlight = []
    await this.#earlier
  }

  /** As `settled`; then the whole state is compared. */
  async check(): Promise<void> {
    await this.settled()
    if (!isDeepStrictEqual(timeless(this.#store.state), timeless(this.#model))) {
      throw new Error(`the live state at ${this.#store.appliedSeq} is not what its commands make`)
    }
  }

  #next(): KillGroup {
    const group = this.#refused ?? this.#drawn.next().value
    this.#refused = undefined
    return group
  }

  #handIn(group: KillGroup): void {
    const outcomes = send(this.#store, group)
    // In the order of their sequences, whichever promise happens to be told first.
    const settled = this.#earlier.then(async () => this.#acknowledged(group, await outcomes))
    this.underWay += 1
    outcomes
      .catch((error: unknown) => this.errors.push(error))
      .finally(() => {
        this.underWay -= 1
      })
    // Whoever calls next is told.
    settled.catch(() => {})
    this.#earlier = settled
    this.#inFlight.push(settled)
  }

  #acknowledged(group: KillGroup, outcomes: readonly PromiseSettledResult<unknown>[]): void {
    this.#options.acknowledged(group)
    for (const [index, command] of group.commands.entries()) {
      const expected = step(this.#model, command, group.firstSeq + index, this.#model.time)
      const outcome = outcomes[index]
      const got =
        outcome?.status === 'fulfilled' ? { value: outcome.value } : { refused: refusedBy(outcome?.reason) }
      if (!isDeepStrictEqual(got, expected)) {
        throw new Error(
          `command ${group.firstSeq + index} gave ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`,
        )
      }
    }
  }
}

/** One outcome for each command. Rejects where none of them is in the log. */
async function send(
  store: KillStore,
  { commands, durability }: KillGroup,
): Promise<PromiseSettledResult<unknown>[]> {
  const [first] = commands
  if (commands.length > 1 || first === undefined) return store.executeAll(commands, { durability })
  const outcomes = await Promise.allSettled([store.execute(first[0], first[1] as never, { durability })])
  const [outcome] = outcomes
  if (outcome.status === 'rejected' && isHoldfastError(outcome.reason)) throw outcome.reason
  return outcomes
}
