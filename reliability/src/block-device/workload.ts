// What the victims work through, on the machine of the kill run: each group of commands follows from the seed alone.
import { isDeepStrictEqual } from 'node:util'
import { SeededRandom } from '@holdfast/testing'
import { open, type SnapshotMode } from 'holdfast'
import { type Environment, nodeEnvironment } from '@holdfast/environment'
import { overriding } from '../kill/overriding.ts'
import { MODULE } from '../kill/store.ts'
import { type KillCommand, type KillGroup, type KillState, killMachine, step } from '../kill/workload.ts'

const KEYS = 24
const GROUP_MAX_COMMANDS = 8
/** One command in so many is larger than what the log takes space ahead for, and extends the file by its own write. */
const LARGE_ONE_IN = 120
const LARGE_MIN_BYTES = 130 * 1024
const LARGE_MAX_BYTES = 300 * 1024

const SNAPSHOT_EVERY_RECORDS = 60
/** With rotations every few batches; and with some space taken ahead in steps. */
const SEGMENT_BYTES = [16 * 1024, 48 * 1024, 256 * 1024]

/** How the snapshots of a session are taken. */
export const modeOf = (session: number): SnapshotMode =>
  (['worker', 'captured', 'blocking'] as const)[session % 3] ?? 'worker'

/** Opens the store as the victims do. Which sizes the segments have changes from session to session. */
export function openStore(
  directory: string,
  session: number,
  environment: Environment = nodeEnvironment,
  mode: SnapshotMode = 'blocking',
) {
  return open<typeof killMachine>(directory, MODULE, {
    environment,
    segmentBytes: SEGMENT_BYTES[session % SEGMENT_BYTES.length] as number,
    syncIntervalMs: 10,
    snapshot: {
      everyRecords: SNAPSHOT_EVERY_RECORDS,
      keep: 2,
      mode,
      compression: session % 2 === 0 ? 'none' : 'zstd',
    },
  })
}

/** Nothing is synced in it: for a store that is opened only to be looked at. */
export const unsyncedEnvironment: Environment = {
  ...nodeEnvironment,
  files: overriding(nodeEnvironment.files, {
    open: async (path, mode) => {
      const file = await nodeEnvironment.files.open(path, mode)
      return overriding(file, {
        sync: async () => {},
        writeThrough: (bytes, position) => file.write(bytes, position),
      })
    },
    syncDirectory: async () => {},
  }),
}

export type BlockStore = Awaited<ReturnType<typeof openStore>>

/** Groups without end, from sequence 1. */
export function* groupsOf(seed: number): Generator<KillGroup, never, undefined> {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b9))
  for (let firstSeq = 1; ; ) {
    const count = random.below(3) === 0 ? 2 + random.below(GROUP_MAX_COMMANDS - 1) : 1
    const commands = Array.from({ length: count }, () => drawCommand(random))
    yield { firstSeq, commands, durability: random.below(5) < 3 ? 'disk' : 'os' }
    firstSeq += count
  }
}

function drawCommand(random: SeededRandom): KillCommand {
  const key = `key ${random.below(KEYS)}`
  if (random.below(LARGE_ONE_IN) === 0) {
    const bytes = LARGE_MIN_BYTES + random.below(LARGE_MAX_BYTES - LARGE_MIN_BYTES)
    return ['weigh', { key, bytes: new Uint8Array(bytes).fill(1 + random.below(255)) }]
  }
  const kind = random.below(100)
  if (kind < 3) return ['stumble', `over ${key}`]
  if (kind < 20) return ['remove', key]
  if (kind < 35) return ['put', { key, value: binary(random, 600) }]
  // Through several pages, and not kept in the state.
  if (kind < 55) return ['weigh', { key, bytes: binary(random, 12_000) }]
  return ['put', { key, value: { number: random.uint32(), list: [kind, null, 'ä€'], at: { x: 1, y: kind } } }]
}

function binary(random: SeededRandom, maxBytes: number): Uint8Array {
  return new Uint8Array(random.bytes(random.below(maxBytes)))
}

/** The states that there may be: that behind each group. */
export class Prefixes {
  readonly #groups: Generator<KillGroup, never, undefined>
  readonly #state: KillState = killMachine.initial()
  /** By last sequence, in ascending order. */
  readonly #states: Map<number, KillState>
  #seq = 0

  constructor(seed: number) {
    this.#groups = groupsOf(seed)
    this.#states = new Map([[0, killMachine.initial()]])
  }

  /** What is wrong with what was found, where at least `floor` has to be there; or `undefined`. */
  whatIsWrong(seq: number, state: BlockStore['state'], floor: number): string | undefined {
    if (seq < floor) return `LOST: ${floor} was acknowledged as durable, and ${seq} came back`
    while (this.#seq < seq) this.#advance(this.#groups.next().value)
    const expected = this.#states.get(seq)
    if (expected === undefined) return `half a group: ${seq} came back, which is inside of one`
    if (state.timeWentBack > 0) return 'the time of a batch went back'
    const same = isDeepStrictEqual({ ...state, time: 0 }, { ...expected, time: 0 })
    return same ? undefined : `the state at ${seq} is not what the first ${seq} commands make`
  }

  #advance({ firstSeq, commands }: KillGroup): void {
    for (const [index, command] of commands.entries()) step(this.#state, command, firstSeq + index, 0)
    this.#seq = firstSeq + commands.length - 1
    this.#states.set(this.#seq, structuredClone(this.#state))
  }
}
