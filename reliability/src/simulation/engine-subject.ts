import { isDeepStrictEqual } from 'node:util'
import { defineMachine, isRefusal, open, type OpenOptions, Refusal } from 'holdfast'
import type { SeededRandom } from '@holdfast/testing/environment'
import { type Found, type OpenSubject, STORE, type Subject } from '@holdfast/testing/exploration'
import { PinnedRange } from './pinned-range.ts'
import { SnapshotTally } from './snapshot-tally.ts'
import { haveZstdInTurn } from './zstd-in-turn.ts'

interface Transfer {
  readonly id: number
  readonly account: string
  readonly amount: number
  readonly ballast: Uint8Array
}

interface Ledger {
  readonly balances: Map<string, number>
  /** Every accepted command: its sequence and its number. */
  readonly accepted: [seq: number, id: number][]
  /** Hangs on the order of all that was accepted. */
  chain: number
  /** What zstd finds something in: the rest is so small that it is stored as it is. */
  readonly motto: string
}

const MOTTO = 'again and again '.repeat(10)

const initial = (): Ledger => ({ balances: new Map(), accepted: [], chain: 0, motto: MOTTO })

function transfer(state: Ledger, { id, account, amount }: Transfer, { seq }: { seq: number }): number {
  const balance = (state.balances.get(account) ?? 0) + amount
  if (balance < 0) throw new Refusal('TOO_LOW', { balance })
  state.balances.set(account, balance)
  state.accepted.push([seq, id])
  state.chain = Math.imul(state.chain ^ id, 0x01000193)
  return state.chain
}

const definition = { version: 1, initial, commands: { transfer } }
const machine = defineMachine(definition)
/** A copy of all of it takes its time, which counts for nothing here. */
const capturingMachine = defineMachine({ ...definition, capture: (state: Ledger) => structuredClone(state) })

/** Nothing is there: the workers of a simulated machine are told what it is. */
const MODULE = new URL('simulated:machine')

/** The engine: commands that are refused now and then, snapshots, retention. A record is a command's argument. */
export const engineSubjectWith = (tally: SnapshotTally): Subject => ({
  draw(id: number, random: SeededRandom): Transfer {
    const ballast = new Uint8Array([0, 20, 300, 1200][random.below(4)] as number)
    if (random.below(2) === 0) ballast.fill(id)
    return { id, account: `account ${random.below(4)}`, amount: random.below(200) - 80, ballast }
  },

  async open(
    environment,
    {
      syncIntervalMs,
      maxUnsyncedBytes,
      snapshotEvery,
      snapshots: { mode, replayed, compressed },
      pinBytes,
      segmentBytes,
    },
  ): Promise<OpenSubject> {
    const isCompressed = compressed && haveZstdInTurn()
    const options: OpenOptions = {
      environment,
      segmentBytes,
      syncIntervalMs,
      maxUnsyncedBytes,
      snapshot: {
        everyRecords: snapshotEvery,
        mode,
        compression: isCompressed ? 'zstd' : 'none',
      },
      verifySnapshots: replayed ? 'replay' : 'read',
    }
    environment.workers.modules.set(MODULE.href, { default: machine })
    const store =
      mode === 'worker'
        ? await open<typeof machine>(STORE, MODULE, options)
        : await open(STORE, mode === 'captured' ? capturingMachine : machine, options)
    tally.watch(store.events, { isCompared: replayed, isCompressed })
    let diverged: Error | undefined
    store.events.on('snapshotFailed', (error) => {
      if (error.code === 'DIVERGED') diverged ??= error
    })
    const pinned = pinBytes === undefined ? undefined : new PinnedRange(store, pinBytes)
    const state = store.state as Ledger
    return {
      get durableSeq() {
        return store.durableSeq
      },
      get lastSeq() {
        return store.appliedSeq
      },
      async submit(records, durability) {
        const transfers = records as readonly Transfer[]
        const [first] = transfers as [Transfer]
        if (transfers.length === 1)
          await store.execute('transfer', first, { durability }).catch(acceptRefusal)
        else {
          const calls = transfers.map((argument) => ['transfer', argument] as const)
          const outcomes = await store.executeAll(calls, { durability })
          for (const outcome of outcomes) if (outcome.status === 'rejected') acceptRefusal(outcome.reason)
        }
        return undefined
      },
      sync: () => store.sync(),
      async tidy() {
        pinned?.renew()
        await store.snapshot()
        await pinned?.check()
      },
      read: async () => idsOf(state, store.appliedSeq),
      async copy(path) {
        await store.backup(path)
        const copy = await open(path, machine, { environment })
        const found = idsOf(copy.state, copy.appliedSeq)
        await copy.close()
        return found
      },
      verify(records, cut) {
        // The one before would do: what is lost shows only when that is lost as well.
        const [setAside] = cut === 'damage' ? [] : store.report.setAside
        if (setAside !== undefined)
          throw new Error('I10: a crash left a snapshot damaged', { cause: setAside.error })
        const expected = initial()
        for (const [i, record] of (records as readonly Transfer[]).entries()) {
          try {
            transfer(expected, record, { seq: i + 1 })
          } catch (error) {
            acceptRefusal(error)
          }
        }
        if (isDeepStrictEqual({ ...state }, expected)) return
        throw new Error(
          `I2: the state does not follow from ${records.length} commands: ${JSON.stringify([state.accepted, expected.accepted])}`,
        )
      },
      async close() {
        try {
          await pinned?.check()
        } finally {
          await store.close()
        }
        if (diverged !== undefined) throw new Error(`I2: ${diverged.message}`, { cause: diverged })
      },
    }
  },
})

export const engineSubject: Subject = engineSubjectWith(new SnapshotTally())

function idsOf({ accepted }: Ledger, lastSeq: number): Found {
  const ids = Array.from({ length: lastSeq }, () => 0)
  for (const [seq, id] of accepted) ids[seq - 1] = id
  return { firstSeq: 1, ids }
}

function acceptRefusal(error: unknown): void {
  if (!isRefusal(error)) throw error
}
