// What the process that is killed works through: the command at a sequence number follows from the seed alone.
import { SeededRandom } from '@holdfast/testing/environment'
import { defineMachine, isRefusal, Refusal } from 'holdfast'

/** Small, so that it can be compared whole after every kill, and so that every command depends on earlier ones. */
export interface KillState {
  readonly entries: Map<string, Entry>
  /** Runs through every accepted command with its sequence: a lost, doubled, moved or changed one changes it for good. */
  chain: number
  accepted: number
  /** The latest time of a batch. The only part that does not follow from the seed. */
  time: number
  timeWentBack: number
}

interface Entry {
  readonly value: unknown
  readonly seq: number
}

interface Put {
  readonly key: string
  readonly value: unknown
}

export const killMachine = defineMachine({
  version: 1,
  initial: (): KillState => ({ entries: new Map(), chain: 0, accepted: 0, time: 0, timeWentBack: 0 }),
  commands: {
    put(state, { key, value }: Put, { seq, time }) {
      state.entries.set(key, { value, seq })
      return accept(state, seq, time, weigh(value))
    },
    /** Keeps of the bytes only what they come to: the log is to be large, not the state. */
    weigh(state, { key, bytes }: { key: string; bytes: Uint8Array }, { seq, time }) {
      state.entries.set(key, { value: weigh(bytes), seq })
      return accept(state, seq, time, weigh(bytes))
    },
    remove(state, key: string, { seq, time }) {
      const entry = state.entries.get(key)
      if (entry === undefined) throw new Refusal('NO_SUCH_KEY', { key })
      state.entries.delete(key)
      return accept(state, seq, time, entry.seq)
    },
    /** A bug of the application: refused like any other, now and at each replay. */
    stumble(_state, why: string) {
      throw new TypeError(why)
    },
  },
})

function accept(state: KillState, seq: number, time: number, weight: number): number {
  state.chain = Math.imul(state.chain ^ seq, 0x01000193) ^ weight
  state.accepted += 1
  if (time < state.time) state.timeWentBack += 1
  state.time = time
  return state.chain
}

function weigh(value: unknown): number {
  if (value instanceof Uint8Array) {
    let sum = value.length
    for (let i = 0; i < value.length; i += 1 + (value.length >> 10))
      sum = Math.imul(sum, 31) + (value[i] ?? 0)
    return sum
  }
  return weigh(Buffer.from(JSON.stringify(value)))
}

export type KillCommand =
  | readonly ['put', Put]
  | readonly ['weigh', { readonly key: string; readonly bytes: Uint8Array }]
  | readonly ['remove', string]
  | readonly ['stumble', string]

/** Commands that are handed in together: by `executeAll` when there are several, by `execute` when there is one. */
export interface KillGroup {
  readonly firstSeq: number
  readonly commands: readonly KillCommand[]
  readonly durability: 'disk' | 'os'
}

/** Groups are drawn block by block, so that reaching a sequence does not mean drawing all before it. */
const BLOCK_COMMANDS = 512
const KEYS = 48
const GROUP_MAX_COMMANDS = 24
const VALUE_MAX_BYTES = 48 * 1024
/** So large that a kill can cut the write in two. */
const LARGE_MAX_BYTES = 12 * 1024 * 1024
const LARGE_ONE_IN = 250

/** The groups from the one that begins behind `afterSeq`. Throws if a group would have to be cut in two for that. */
export function* groupsAfter(
  seed: number,
  afterSeq: number,
  largeMaxBytes: number = LARGE_MAX_BYTES,
): Generator<KillGroup, never, undefined> {
  for (let block = Math.floor(afterSeq / BLOCK_COMMANDS); ; block += 1) {
    for (const group of groupsOfBlock(seed, block, largeMaxBytes)) {
      const lastSeq = group.firstSeq + group.commands.length - 1
      if (group.firstSeq > afterSeq) yield group
      else if (lastSeq > afterSeq) {
        throw new Error(
          `the store ends at ${afterSeq}, in the middle of the group ${group.firstSeq}..${lastSeq}`,
        )
      }
    }
  }
}

/** The commands one by one, from any sequence on. */
export function* commandsFrom(
  seed: number,
  fromSeq: number,
  largeMaxBytes?: number,
): Generator<KillCommand, never, undefined> {
  const groups = groupsAfter(seed, fromSeq - 1 - ((fromSeq - 1) % BLOCK_COMMANDS), largeMaxBytes)
  for (;;) {
    const { firstSeq, commands } = groups.next().value
    yield* commands.slice(Math.max(0, fromSeq - firstSeq))
  }
}

function* groupsOfBlock(
  seed: number,
  block: number,
  largeMaxBytes: number,
): Generator<KillGroup, void, undefined> {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b9) ^ block)
  let firstSeq = block * BLOCK_COMMANDS + 1
  const lastSeq = firstSeq + BLOCK_COMMANDS - 1
  while (firstSeq <= lastSeq) {
    const wanted = random.below(4) === 0 ? 2 + random.below(GROUP_MAX_COMMANDS - 1) : 1
    const count = Math.min(wanted, lastSeq - firstSeq + 1)
    const commands = Array.from({ length: count }, () => drawCommand(random, largeMaxBytes))
    yield { firstSeq, commands, durability: random.below(2) === 0 ? 'disk' : 'os' }
    firstSeq += count
  }
}

function drawCommand(random: SeededRandom, largeMaxBytes: number): KillCommand {
  const key = `key ${random.below(KEYS)}`
  const kind = random.below(100)
  if (random.below(LARGE_ONE_IN) === 0) return ['weigh', { key, bytes: large(random, largeMaxBytes) }]
  if (kind < 3) return ['stumble', `over ${key}`]
  if (kind < 25) return ['remove', key]
  return ['put', { key, value: drawValue(random) }]
}

function drawValue(random: SeededRandom): unknown {
  const kind = random.below(100)
  if (kind < 4) return binary(random, VALUE_MAX_BYTES)
  if (kind < 20) return binary(random, 600)
  return {
    number: random.uint32(),
    list: [kind, null, 'ä€😀'],
    nested: { deep: { key: `v${random.below(1000)}` } },
  }
}

function binary(random: SeededRandom, maxBytes: number): Uint8Array {
  return new Uint8Array(random.bytes(random.below(maxBytes)))
}

function large(random: SeededRandom, maxBytes: number): Uint8Array {
  return new Uint8Array(1 + random.below(maxBytes)).fill(random.below(256))
}

export type KillOutcome = { readonly value: unknown } | { readonly refused: string }

/** Brings a state one command on, as the store should have: the machine alone, without any storage. */
export function step(state: KillState, command: KillCommand, seq: number, time: number): KillOutcome {
  try {
    return { value: killMachine.apply(state, command, { seq, time }) }
  } catch (error) {
    return { refused: refusedBy(error) }
  }
}

/** What a rejected outcome comes down to: the code of a refusal, or the message of a bug. */
export function refusedBy(error: unknown): string {
  if (isRefusal(error)) return error.code
  return error instanceof TypeError ? error.message : String(error)
}
