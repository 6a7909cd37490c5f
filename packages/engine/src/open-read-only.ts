import { GapError, HoldfastError } from '@holdfast/environment'
import { checkOpening } from './check-opening.ts'
import type { CommandTypes } from './commands.ts'
import type { Machine } from './machine.ts'
import { type ReadOptions, type ReadSettings, readSettings } from './open-options.ts'
import { ReadonlyStore } from './readonly-store.ts'
import type { ReplayLimit } from './replay.ts'
import { StoreReader } from './store-reader.ts'

/** The moment whose state is wanted. */
export type Moment =
  /** The state after this sequence; 0 for the one before the first. */
  | { readonly seq: number }
  /** The state after the last sequence whose batch was written at or before this time, in milliseconds since 1970. */
  | { readonly time: number }

/**
 * Looks at a store, with or without a live writer beside it: takes no lock and changes nothing. Everything
 * that can be read is in the state, including what the writer may not have acknowledged yet; `refresh`
 * reads on.
 *
 * Throws `NO_STORE` where there is none, and what `open` throws over what it reads.
 */
export function openReadOnly<State extends object, Types extends CommandTypes>(
  path: string,
  machine: Machine<State, Types>,
  options: ReadOptions = {},
): Promise<ReadonlyStore<State, Types>> {
  return read(path, machine, readSettings(options), undefined)
}

/**
 * The store as it was at a sequence or a time, from the snapshots and the log that are still there.
 *
 * Throws `GapError` where that moment lies before what is kept, and `INVALID_ARGUMENT` for a sequence that
 * is not there yet; and what `openReadOnly` throws.
 */
export async function openAt<State extends object, Types extends CommandTypes>(
  path: string,
  machine: Machine<State, Types>,
  moment: Moment,
  options: ReadOptions = {},
): Promise<ReadonlyStore<State, Types>> {
  if ('seq' in moment && 'time' in moment) {
    throw new HoldfastError('INVALID_ARGUMENT', 'a moment is a seq or a time, not both')
  }
  const [name, value] = 'seq' in moment ? ['seq', moment.seq] : ['time', moment.time]
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new HoldfastError('INVALID_ARGUMENT', `${name} is a whole number from 0 on, not ${String(value)}`)
  }
  const store = await read(path, machine, readSettings(options), moment).catch((error: unknown) => {
    throw 'time' in moment && error instanceof GapError ? before(moment.time, error) : error
  })
  if ('seq' in moment && store.appliedSeq < moment.seq) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `sequence ${moment.seq} is not there: the log ends at ${store.appliedSeq}`,
      {
        path,
        seq: moment.seq,
        details: { lastSeq: store.appliedSeq },
      },
    )
  }
  return store
}

/** Whoever asks for a time knows nothing of sequences. */
function before(time: number, error: GapError): GapError {
  const { requestedSeq, firstSeq, path } = error
  return new GapError(requestedSeq, firstSeq, {
    path,
    details: { time },
    hint: `At time ${time} the store was at a sequence that lies before all that is kept.`,
    cause: error,
  })
}

async function read<State extends object, Types extends CommandTypes>(
  path: string,
  machine: Machine<State, Types>,
  settings: ReadSettings,
  moment: ReplayLimit | undefined,
): Promise<ReadonlyStore<State, Types>> {
  checkOpening(path, machine)
  const { clock } = settings.environment
  const startedAt = clock.monotonic()
  const reader = new StoreReader<State>(path, machine, settings, moment ?? {})
  await reader.load()
  return new ReadonlyStore<State, Types>(reader, settings, {
    fixed: moment !== undefined,
    ms: clock.monotonic() - startedAt,
  })
}
