import { isDeepStrictEqual } from 'node:util'
import { type Change, type LoggedCommand, type Machine, open, type ReadonlyState } from 'holdfast'
import { type OpenSubject, STORE, type Subject } from '../exploration/subject.ts'
import { apply, isThenable, statesDiffer } from './apply.ts'
import { short } from './difference.ts'

/** Throws, or gives `false`, for a state that must not be. */
export type StateCheck<State extends object> = (state: ReadonlyState<State>) => unknown

/**
 * A user's machine, and the commands that it gets: always in their order, so that there is never anything else
 * in the log than a prefix of them. After a crash those that are not there follow.
 */
export function machineSubject<State extends object>(
  machine: Machine<State>,
  commands: readonly LoggedCommand[],
  check: StateCheck<State> | undefined,
): Subject {
  return {
    draw: (_id, _random, position) => commands[position],

    async open(environment, { syncIntervalMs, maxUnsyncedBytes, snapshotEvery }): Promise<OpenSubject> {
      const store = await open(STORE, machine, {
        environment,
        segmentBytes: 4096,
        syncIntervalMs,
        maxUnsyncedBytes,
        // The log is kept from the first command on: the state is compared with what all of them give.
        snapshot: { everyRecords: snapshotEvery, keep: 1_000_000 },
      })
      let bug: Error | undefined
      store.events.on('applyFailed', ({ name, seq, error }) => {
        bug ??= new Error(`'${name}' threw ${String(error)} at ${seq}, which is no Refusal`, { cause: error })
      })
      let changes: readonly Change[] = []
      return {
        get durableSeq() {
          return store.durableSeq
        },
        get lastSeq() {
          return store.appliedSeq
        },
        async submit(records, durability) {
          // Of a refusal by the machine nothing is thrown here.
          await store.executeAll(records as never, { durability })
          return undefined
        },
        sync: () => store.sync(),
        tidy: () => store.snapshot(),
        async read() {
          changes = await changesThrough(store.appliedSeq, store.changes({ from: 1 }))
          return { firstSeq: 1, ids: changes.map(() => 0) }
        },
        verify(records) {
          const expected = replay(machine, changes, records as readonly LoggedCommand[])
          const differ = statesDiffer(machine, expected, store.state as State)
          if (differ !== undefined)
            throw new Error(`I2: the state does not follow from its ${changes.length} commands: ${differ}`)
          runCheck(check, store.state)
        },
        async close() {
          await store.close()
          if (bug !== undefined) throw bug
        },
      }
    },
  }
}

async function changesThrough(seq: number, feed: AsyncIterable<Change>): Promise<Change[]> {
  const changes: Change[] = []
  if (seq === 0) return changes
  for await (const change of feed) {
    changes.push(change)
    if (change.seq === seq) break
  }
  return changes
}

/** The state that commands give, applied to a first one as they stand in the log, with their times. */
function replay<State extends object>(
  machine: Machine<State>,
  changes: readonly Change[],
  records: readonly LoggedCommand[],
): State {
  const state = machine.initial()
  for (const [index, { name, argument, seq, time, refused }] of changes.entries()) {
    const command: LoggedCommand = [name, argument]
    if (seq !== index + 1 || !isDeepStrictEqual(command, records[index]))
      throw new Error(`I2/I3: ${short(command)} at ${seq}, where ${short(records[index])} belongs`)
    const outcome = apply(machine, state, command, { seq, time })
    if ((outcome.kind !== 'accepted') !== refused)
      throw new Error(
        `I2: ${short(command)} at ${seq} was ${refused ? 'refused' : 'accepted'}, and is not again`,
      )
  }
  return state
}

/** Throws what is wrong with a state, as far as a user's check says. */
export function runCheck<State extends object>(
  check: StateCheck<State> | undefined,
  state: ReadonlyState<State>,
): void {
  let verdict: unknown
  try {
    verdict = check?.(state)
  } catch (error) {
    throw new Error(`check: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  if (isThenable(verdict)) {
    verdict.then(undefined, () => {})
    throw new TypeError(
      'check gave a promise: it is synchronous, as the state is only the same until it returns',
    )
  }
  if (verdict === false) throw new Error(`check: false for ${short(state)}`)
}
