import type { CommandContext } from './commands.ts'
import { defineMachine } from './machine.ts'
import { Refusal } from './refusal.ts'

export interface Bank {
  readonly accounts: Map<string, number>
  readonly notes: unknown[]
  lastSeq: number
  lastTime: number
}

/** A machine with a command for everything that a command can do. */
const bank = defineMachine({
  version: 1,
  initial: (): Bank => ({ accounts: new Map(), notes: [], lastSeq: 0, lastTime: 0 }),
  commands: {
    deposit(state, { to, amount }: { to: string; amount: number }, context) {
      const balance = (state.accounts.get(to) ?? 0) + amount
      state.accounts.set(to, balance)
      seen(state, context)
      return balance
    },
    transfer(state, { from, to, amount }: { from: string; to: string; amount: number }, context) {
      const balance = state.accounts.get(from) ?? 0
      if (balance < amount) throw new Refusal('TOO_LOW', { balance })
      state.accounts.set(from, balance - amount)
      state.accounts.set(to, (state.accounts.get(to) ?? 0) + amount)
      seen(state, context)
    },
    note(state, value: unknown, context) {
      state.notes.push(value)
      seen(state, context)
      return value
    },
    /** A bug: it throws something else than a refusal, after it has changed something. */
    crash(state) {
      state.notes.push('crashed')
      throw new TypeError('a bug')
    },
    /** A bug: it is asynchronous, and hides it. */
    later(state) {
      state.notes.push('later')
      return Promise.reject(new Error('nobody waits for this'))
    },
  },
})

function seen(state: Bank, { seq, time }: CommandContext): void {
  if (time < state.lastTime) throw new Error(`time went back at ${seq}`)
  state.lastSeq = seq
  state.lastTime = time
}

export default bank
