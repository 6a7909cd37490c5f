import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import type { Durability } from '@holdfast/wal'
import { assertOptions } from './no-option.ts'
import type { Waiter } from './waiter.ts'

/** How far a bulk load has come. */
export interface LoadProgress {
  /** Commands taken from the iterable. */
  readonly submitted: number
  /** Commands that are acknowledged at the level asked for: accepted or refused. */
  readonly settled: number
  readonly refused: number
}

export interface ExecuteEachOptions {
  /** Default: the store's. */
  readonly durability?: Durability
  /** Stops before the next command is taken from the iterable; those under way are waited for. */
  readonly signal?: AbortSignal
  /** Called behind every batch of the log, and at the end. */
  readonly onProgress?: (progress: LoadProgress) => void
}

const EACH_OPTIONS: readonly (keyof ExecuteEachOptions)[] = ['durability', 'signal', 'onProgress']

/** What came of a bulk load. */
export interface LoadResult {
  /** Commands that are in the log. */
  readonly executed: number
  readonly accepted: number
  readonly refused: number
  /** The first thousand refusals; `index` counts from 0 in the order of the iterable. */
  readonly refusals: readonly { readonly index: number; readonly reason: unknown }[]
}

/** Commands under way at most: enough for large batches, and no more than a fraction of the usual queue. */
const MAX_IN_FLIGHT = 16_384
/** It goes on once so many are left, so that it fills a batch rather than a gap. */
const RESUME_AT = MAX_IN_FLIGHT / 2
/** After so many the event loop turns: the log writes them while the next ones are captured. */
const TURN_EVERY = 2048
const MAX_REFUSALS = 1000

/** What a load drives. */
export interface LoadTarget<Call> {
  /** As `Store.execute`, for a waiter. Resolves or returns once the command is captured; throws what it is refused with. */
  submit(call: Call, waiter: Waiter): void | Promise<void>
  ready(): Promise<void>
  /** Lets the event loop turn. */
  turn(): Promise<void>
}

/**
 * Executes commands as fast as the store takes them, some thousands at a time: where it is overloaded it
 * waits. A refused command is counted and the load goes on. Anything else ends it: what is under way is
 * waited for, and the error says in `details` how many commands were acknowledged.
 */
export async function executeEach<Call>(
  target: LoadTarget<Call>,
  calls: Iterable<Call> | AsyncIterable<Call>,
  options: ExecuteEachOptions,
): Promise<LoadResult> {
  assertOptions(options, EACH_OPTIONS)
  const { signal, onProgress } = options
  const load = new Load(onProgress)
  try {
    for await (const chunk of inChunks(calls)) {
      for (const call of chunk) {
        load.throwFailure()
        if (signal?.aborted)
          throw new HoldfastError('ABORTED', 'the load was aborted', { cause: signal.reason })
        const captured = submit(target, call, load)
        if (captured !== undefined) await captured
        load.submitted += 1
        if (load.submitted % TURN_EVERY === 0) await target.turn()
        if (load.inFlight >= MAX_IN_FLIGHT) await load.until(RESUME_AT)
      }
    }
    await load.until(0)
    load.throwFailure()
  } catch (error) {
    await load.until(0)
    throw stopped(error, load.result)
  }
  return load.result
}

/** Returns once the command is captured, or a promise of that. */
function submit<Call>(target: LoadTarget<Call>, call: Call, load: Load): void | Promise<void> {
  try {
    const captured = target.submit(call, load)
    return captured?.catch((error: unknown) => again(target, call, load, error))
  } catch (error) {
    return again(target, call, load, error)
  }
}

async function again<Call>(target: LoadTarget<Call>, call: Call, load: Load, error: unknown): Promise<void> {
  if (!isHoldfastError(error, 'OVERLOADED')) throw error
  await target.ready()
  await submit(target, call, load)
}

/** Without a turn of the event loop for each value of an iterable that has them at hand. */
async function* inChunks<Call>(calls: Iterable<Call> | AsyncIterable<Call>): AsyncGenerator<Iterable<Call>> {
  if (Symbol.iterator in calls) yield calls
  else for await (const call of calls) yield [call]
}

/** Counts what comes of the commands of one load. */
class Load implements Waiter {
  submitted = 0
  #failure: { readonly error: unknown } | undefined
  readonly #onProgress: ExecuteEachOptions['onProgress']
  readonly #refusals: { index: number; reason: unknown }[] = []
  #settled = 0
  #refused = 0
  #rejected = 0
  #reporting = false
  #awaited: { readonly inFlight: number; readonly resolve: () => void } | undefined

  constructor(onProgress: ExecuteEachOptions['onProgress']) {
    this.#onProgress = onProgress
  }

  get inFlight(): number {
    return this.submitted - this.#settled - this.#rejected
  }

  get result(): LoadResult {
    return {
      executed: this.#settled,
      accepted: this.#settled - this.#refused,
      refused: this.#refused,
      refusals: this.#refusals,
    }
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  accept(): void {
    this.#settled += 1
    this.#wake()
  }

  refuse(reason: unknown): void {
    if (this.#refusals.length < MAX_REFUSALS) this.#refusals.push({ index: this.#settled, reason })
    this.#refused += 1
    this.#settled += 1
    this.#wake()
  }

  reject(error: HoldfastError): void {
    this.#rejected += 1
    this.#failure ??= { error }
    this.#wake()
  }

  /** Resolves once no more than so many are under way. */
  until(inFlight: number): Promise<void> {
    if (this.inFlight <= inFlight) return Promise.resolve()
    return new Promise((resolve) => {
      this.#awaited = { inFlight, resolve }
    })
  }

  #wake(): void {
    if (this.#onProgress !== undefined && !this.#reporting) {
      this.#reporting = true
      // Once for a batch: its commands settle within one turn.
      queueMicrotask(() => this.#report())
    }
    if (this.#awaited !== undefined && this.inFlight <= this.#awaited.inFlight) {
      this.#awaited.resolve()
      this.#awaited = undefined
    }
  }

  #report(): void {
    this.#reporting = false
    try {
      this.#onProgress?.({ submitted: this.submitted, settled: this.#settled, refused: this.#refused })
    } catch (error) {
      this.#failure ??= { error }
    }
  }
}

function stopped(error: unknown, { executed, accepted, refused }: LoadResult): unknown {
  if (!isHoldfastError(error)) return error
  const { code, path, seq, outcome, hint } = error
  const { at, reason } = error.details ?? {}
  const why = typeof at === 'string' ? `: ${at} ${String(reason)}` : ''
  return new HoldfastError(code, `the load ended after ${executed} acknowledged commands${why}`, {
    hint,
    path,
    seq,
    outcome,
    details: { ...error.details, executed, accepted, refused },
    cause: error,
  })
}
