// What the process that is killed works through: the command at a sequence number follows from the seed alone.
import { SeededRandom } from '@holdfast/testing/environment'
import { isRefusal } from 'holdfast'
import killMachine, { type KillState, type Put } from './machine.ts'

export { type KillState, killMachine }

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
