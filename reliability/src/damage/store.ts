// The stores that are damaged: small, with several segments and snapshots, and every state that they went through.
import {
  memoryEnvironment,
  MemoryFileSystem,
  recordCrashPoints,
  SeededRandom,
  type SimulatedDisk,
  survivalNamed,
} from '@holdfast/testing/environment'
import { defineMachine, type Durability, open, type OpenOptions, Refusal } from 'holdfast'
import type { StoreKind } from './store-kinds.ts'

export const STORE = '/store'
export type Files = ReadonlyMap<string, Buffer>

export interface Ledger {
  readonly entries: Map<string, number>
  /** Runs through every command: one that is lost, doubled or moved changes it for good. */
  chain: number
}

export const ledger = defineMachine({
  version: 1,
  initial: (): Ledger => ({ entries: new Map(), chain: 0 }),
  commands: {
    put(state, { key, value }: { key: string; value: number }, { seq }) {
      if (value % 7 === 0) throw new Refusal('UNLUCKY')
      state.entries.set(key, value)
      state.chain = Math.imul(state.chain ^ seq, 0x01000193) ^ value
    },
  },
})

export interface DamagedStore {
  readonly files: Files
  /** The state behind each sequence, from 0 on. */
  readonly states: readonly Ledger[]
  readonly commands: readonly Put[]
}

export type Put = readonly ['put', { readonly key: string; readonly value: number }]

/** The only options that the stores are opened with. Nothing is synced for want of time, no snapshot taken. */
export const OPTIONS = { segmentBytes: 4096, syncIntervalMs: 60_000, snapshot: { keep: 3 } } as const

function commandsOf(seed: number, count: number, key = 'key'): Put[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () => [
    'put',
    { key: `${key} ${random.below(6)}`, value: random.below(1000) },
  ])
}

/** Every state that the commands lead through. */
function statesOf(commands: readonly Put[]): Ledger[] {
  const states = [ledger.initial()]
  for (const [i, [name, argument]] of commands.entries()) {
    const state = structuredClone(states[i] as Ledger)
    try {
      ledger.apply(state, [name, argument], { seq: i + 1, time: 0 })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
    states.push(state)
  }
  return states
}

/** How often a store is opened: each time begins a segment, and each but the first takes snapshots. */
const OPENED = 4
/** What would not get smaller is not compressed. */
const COMPRESSIBLE_KEY = 'a key, a key, a key, a key, a key, a key'
/** For threads. */
const MODULE = new URL('memory:ledger')

/** Closed in good order. With the files that it had each time that it was closed before, and each time in between. */
export async function closedStore(
  seed: number,
  commandsEach: number,
  { snapshots, compression, byWorker = false, pinned = false }: StoreKind,
): Promise<DamagedStore & { readonly earlier: readonly Files[] }> {
  const environment = memoryEnvironment(new MemoryFileSystem(), seed)
  environment.workers.modules.set(MODULE.href, { default: ledger })
  const key = compression === 'zstd' ? COMPRESSIBLE_KEY : undefined
  const commands = commandsOf(seed, OPENED * commandsEach, key)
  const pins = pinned ? [{ owner: 'somebody', from: commandsEach + 1 }] : []
  const earlier: Files[] = []
  for (let opened = 0; opened < OPENED; opened++) {
    const mode = byWorker && opened === OPENED - 1 ? 'worker' : 'blocking'
    const snapshot = { ...OPTIONS.snapshot, compression, mode } as const
    const options: OpenOptions = { environment, ...OPTIONS, pins, snapshot }
    const store = await open<typeof ledger>(STORE, MODULE, options)
    const part = commands.slice(opened * commandsEach, (opened + 1) * commandsEach)
    const half = part.length >> 1
    await store.executeAll(part.slice(0, half))
    if (opened > 0 && snapshots !== 'none') await store.snapshot()
    if (opened === OPENED - 1) earlier.push(environment.files.snapshot())
    for (const command of part.slice(half)) await store.execute(...command).catch(unlucky)
    if (opened > 0 && snapshots === 'two each time it is opened') await store.snapshot()
    earlier.push(environment.files.snapshot())
    await store.close()
    earlier.push(environment.files.snapshot())
  }
  if (environment.workers.started > 0 !== byWorker)
    throw new Error(`${environment.workers.started} snapshots by a thread`)
  const files = earlier.pop() as Files
  return { files, states: statesOf(commands), commands, earlier }
}

function unlucky(error: unknown): void {
  if (!(error instanceof Refusal)) throw error
}

/** A store whose process was killed, or whose machine lost its power. */
export interface StoppedStore extends DamagedStore {
  readonly name: string
  /** The last sequence that was acknowledged at the level of the store. */
  readonly acknowledged: number
}

/**
 * Cut off at so many moments of a run, spread over all of it, each by a kill and by a power cut that leaves
 * this or that of what was not synced.
 */
export async function stoppedStores(
  seed: number,
  durability: Durability,
  moments: number,
): Promise<StoppedStore[]> {
  const commands = commandsOf(seed, 24)
  const states = statesOf(commands)
  let acknowledged = 0
  const { points } = await recordCrashPoints(
    {
      observe: () => ({ acknowledged }),
      async run(environment) {
        for (const part of [commands.slice(0, 12), commands.slice(12)]) {
          const store = await open(STORE, ledger, { environment, ...OPTIONS, durability })
          for (const [i, command] of part.entries()) {
            await store.execute(...command).catch(unlucky)
            acknowledged += 1
            if (i === 6) await store.snapshot()
          }
          if (part.length + acknowledged < commands.length + part.length) await store.close()
        }
      },
    },
    { seed },
  )
  const stores: StoppedStore[] = []
  for (let moment = 0; moment < moments; moment++) {
    const point = points[Math.floor(((moment + 0.5) * points.length) / moments)]
    if (point === undefined) continue
    const survivals = ['nothing', 'everything', `random-${seed + moment}`]
    const disks: [string, SimulatedDisk][] = [
      ['killed', point.during],
      ...survivals.map((name): [string, SimulatedDisk] => [
        name,
        point.during.afterPowerCut(survivalNamed(name)),
      ]),
    ]
    for (const [name, disk] of disks) {
      stores.push({
        name: `${durability}, seed ${seed}, operation ${point.operation.index}, ${name}`,
        files: filesOn(disk),
        states,
        commands,
        acknowledged: name === 'killed' || durability === 'disk' ? point.observed.acknowledged : 0,
      })
    }
  }
  return stores
}

function filesOn(disk: SimulatedDisk): Files {
  return new Map(disk.paths().map((path) => [path, disk.contentOf(path)]))
}
