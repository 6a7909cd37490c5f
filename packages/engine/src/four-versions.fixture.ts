// A bank that has gone through four versions, as one does: each step that the last one needs for an older store is
// written once, and `upgrade` takes the steps from where it is.
import type { LoggedCommand } from './commands.ts'
import { type AnyMachine, defineMachine } from './machine.ts'
import { Refusal } from './refusal.ts'

/** The bank of the first version: whole euros in a plain object. */
interface Bank1 {
  readonly euros: Record<string, number>
  slogan: string
}

/** From the second on in cents, and an account may be overdrawn, up to its limit. No slogan any more. */
interface Account {
  cents: number
  limit: number
}
interface Bank2 {
  readonly accounts: Map<string, Account>
}

/** The third is stored as entries. */
type Entry3 = readonly [name: string, cents: number, limit: number]

/** The fourth knows what all accounts come to. */
export interface Bank4 extends Bank2 {
  total: number
}
type Entry4 = Account & { readonly name: string }

type Booking1 = { readonly account: string; readonly euros: number }
type Opening = { readonly name: string; readonly limit: number }
type Booking = { readonly account: string; readonly cents: number }

/** What everyone had got who had an account when there were limits for the first time. */
const FIRST_LIMIT = 10_000

const version1 = defineMachine({
  version: 1,
  initial: (): Bank1 => ({ euros: {}, slogan: '' }),
  commands: {
    open({ euros }, name: string) {
      if (euros[name] !== undefined) throw new Refusal('EXISTS')
      euros[name] = 0
    },
    book({ euros }, booking: Booking1) {
      const before = euros[booking.account]
      if (before === undefined) throw new Refusal('NO_ACCOUNT')
      if (before + booking.euros < 0) throw new Refusal('TOO_LOW')
      euros[booking.account] = before + booking.euros
    },
    advertise(state, slogan: string) {
      state.slogan = slogan
    },
  },
})

/** Another shape: the arguments of `open` and of `book`. Dropped: `advertise`. */
function commandTo2([name, argument]: LoggedCommand): LoggedCommand | undefined {
  if (name === 'open') return [name, { name: argument as string, limit: FIRST_LIMIT }]
  if (name === 'advertise') return undefined
  const { account, euros } = argument as Booking1
  return [name, { account, cents: euros * 100 }]
}

function stateTo2({ euros }: Bank1): Bank2 {
  const accounts = Object.entries(euros).map(
    ([name, all]) => [name, { cents: all * 100, limit: FIRST_LIMIT }] as const,
  )
  return { accounts: new Map(accounts) }
}

const version2 = defineMachine({
  version: 2,
  initial: (): Bank2 => ({ accounts: new Map() }),
  commands: {
    open({ accounts }, { name, limit }: Opening) {
      if (accounts.has(name)) throw new Refusal('EXISTS')
      accounts.set(name, { cents: 0, limit })
    },
    book({ accounts }, { account, cents }: Booking) {
      change(accounts, account, cents)
    },
  },
  upgrade: {
    command: commandTo2,
    state: (state) => stateTo2(state as Bank1),
  },
})

/** Renamed: `open`. Split in two: `book`. */
function commandTo3([name, argument]: LoggedCommand): LoggedCommand {
  if (name === 'open') return ['openAccount', argument]
  const { account, cents } = argument as Booking
  return cents < 0 ? ['withdraw', { account, cents: -cents }] : ['deposit', { account, cents }]
}

/** A deposit opens the account, so that some are accepted that were refused before. */
const version3 = defineMachine({
  version: 3,
  initial: (): Bank2 => ({ accounts: new Map() }),
  commands: {
    openAccount({ accounts }, { name, limit }: Opening) {
      if (accounts.has(name)) throw new Refusal('EXISTS')
      accounts.set(name, { cents: 0, limit })
    },
    deposit({ accounts }, { account, cents }: Booking) {
      if (cents > 0 && !accounts.has(account)) accounts.set(account, { cents: 0, limit: 0 })
      change(accounts, account, cents)
    },
    withdraw({ accounts }, { account, cents }: Booking) {
      change(accounts, account, -cents)
    },
  },
  *entries({ accounts }): Generator<Entry3> {
    for (const [name, { cents, limit }] of accounts) yield [name, cents, limit]
  },
  async restore(entries: AsyncIterable<Entry3>) {
    const accounts = new Map<string, Account>()
    for await (const [name, cents, limit] of entries) accounts.set(name, { cents, limit })
    return { accounts }
  },
  upgrade: {
    command(command, from) {
      const second = from < 2 ? commandTo2(command) : command
      return second && commandTo3(second)
    },
    state: (state, from) => (from < 2 ? stateTo2(state as Bank1) : (state as Bank2)),
  },
})

/** What is refused from the fourth version on, and changed nothing when it was accepted, must not be tried again. */
function commandTo4(command: LoggedCommand): LoggedCommand | undefined {
  const { cents } = command[1] as Booking
  return cents === 0 ? undefined : command
}

function stateTo4({ accounts }: Bank2): Bank4 {
  return { accounts, total: [...accounts.values()].reduce((sum, { cents }) => sum + cents, 0) }
}

/** Opening an account again sets its limit; nothing is no amount. */
export const version4 = defineMachine({
  version: 4,
  initial: (): Bank4 => ({ accounts: new Map(), total: 0 }),
  commands: {
    openAccount({ accounts }, { name, limit }: Opening) {
      accounts.set(name, { cents: accounts.get(name)?.cents ?? 0, limit })
    },
    deposit(state, { account, cents }: Booking) {
      if (cents <= 0) throw new Refusal('NOTHING')
      if (!state.accounts.has(account)) state.accounts.set(account, { cents: 0, limit: 0 })
      change(state.accounts, account, cents)
      state.total += cents
    },
    withdraw(state, { account, cents }: Booking) {
      if (cents <= 0) throw new Refusal('NOTHING')
      change(state.accounts, account, -cents)
      state.total -= cents
    },
  },
  *entries({ accounts }): Generator<Entry4> {
    for (const [name, account] of accounts) yield { name, ...account }
  },
  async restore(entries: AsyncIterable<Entry4>) {
    const accounts = new Map<string, Account>()
    for await (const { name, ...account } of entries) accounts.set(name, account)
    return stateTo4({ accounts })
  },
  upgrade: {
    command(command, from) {
      const second = from < 2 ? commandTo2(command) : command
      const third = second && from < 3 ? commandTo3(second) : second
      return third && commandTo4(third)
    },
    state: (state, from) => stateTo4(from < 2 ? stateTo2(state as Bank1) : (state as Bank2)),
    async *entries(entries) {
      for await (const [name, cents, limit] of entries as AsyncIterable<Entry3>) yield { name, cents, limit }
    },
  },
})

function change(accounts: Map<string, Account>, name: string, cents: number): void {
  const account = accounts.get(name)
  if (account === undefined) throw new Refusal('NO_ACCOUNT')
  if (account.cents + cents < -account.limit) throw new Refusal('TOO_LOW')
  account.cents += cents
}

/** Version 1 to the newest. */
export const VERSIONS: readonly AnyMachine[] = [version1, version2, version3, version4]

/** The machine of a version. */
export function machineOf(version: number): AnyMachine {
  return VERSIONS[version - 1] as AnyMachine
}

/** What a bank of any version holds, as the fourth would: cents and limits. */
export function holdings(state: object, version: number): Record<string, Account> {
  const { accounts } = version === 1 ? stateTo2(state as Bank1) : (state as Bank2)
  return Object.fromEntries(accounts)
}
