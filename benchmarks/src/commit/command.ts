import { SeededRandom } from '@holdfast/testing/environment'
import { defineMachine, type Machine } from 'holdfast'

/** The smallest command: money from one account to another. About 100 bytes as JSON. */
export interface Transfer {
  readonly from: string
  readonly to: string
  readonly amount: number
  readonly note: string
}

/** A larger one: a text is kept. */
export interface Put {
  readonly key: number
  readonly text: string
}

export type CommitArgument = Transfer | Put

interface CommitState {
  readonly balances: Map<string, number>
  readonly texts: Map<number, string>
}

type CommitTypes = {
  transfer: { argument: Transfer; result: number }
  put: { argument: Put; result: number }
}

export const commitMachine: Machine<CommitState, CommitTypes> = defineMachine({
  version: 1,
  initial: (): CommitState => ({ balances: new Map(), texts: new Map() }),
  commands: {
    transfer({ balances }, { from, to, amount }: Transfer) {
      const balance = (balances.get(from) ?? 0) - amount
      balances.set(from, balance)
      balances.set(to, (balances.get(to) ?? 0) + amount)
      return balance
    },
    put({ texts }, { key, text }: Put) {
      texts.set(key, text)
      return text.length
    },
  },
})

/** Up to here a command is a transfer. */
const TRANSFER_MAX_BYTES = 128
const ACCOUNTS = 10_000
const TEXTS = 16
/** The state is to be small: it is the log that is measured. */
const STATE_MAX_BYTES = 1024 * 1024

/** The commands of a load. Each is made when it is issued, as a request would make it. */
export interface Commands {
  readonly name: 'transfer' | 'put'
  readonly make: (index: number) => CommitArgument
  /** Of one as JSON. */
  readonly bytes: number
}

export function commandsOf(bytes: number): Commands {
  return bytes <= TRANSFER_MAX_BYTES ? transfers() : puts(bytes)
}

function transfers(): Commands {
  const accounts = Array.from(
    { length: ACCOUNTS },
    (_, number) => `account ${String(number).padStart(6, '0')}`,
  )
  const make = (index: number): Transfer => ({
    from: accounts[index % ACCOUNTS] as string,
    to: accounts[(index * 7919 + 1) % ACCOUNTS] as string,
    amount: 1 + (index % 997),
    note: `order ${index}`,
  })
  return { name: 'transfer', make, bytes: jsonBytes(['transfer', make(1_000_000)]) }
}

function puts(bytes: number): Commands {
  const keys = Math.max(1, Math.floor(STATE_MAX_BYTES / bytes))
  const overhead = jsonBytes(['put', { key: keys, text: '' }])
  const texts = Array.from({ length: TEXTS }, (_, seed) => text(seed, bytes - overhead))
  const make = (index: number): Put => ({ key: index % keys, text: texts[index % TEXTS] as string })
  return { name: 'put', make, bytes: jsonBytes(['put', make(0)]) }
}

/** Letters that no compression makes much smaller, in one flat string. */
function text(seed: number, length: number): string {
  const random = new SeededRandom(seed)
  return Buffer.from(random.bytes(Math.ceil((length * 3) / 4)))
    .toString('base64url')
    .slice(0, length)
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}
