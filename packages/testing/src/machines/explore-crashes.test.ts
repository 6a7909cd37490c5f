import { defineMachine, guard, Refusal } from 'holdfast'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type CrashError, exploreCrashes } from '../index.ts'

interface Bank {
  readonly balances: Map<string, number>
  readonly watched: { count: number }[]
}

const bank = defineMachine({
  version: 1,
  initial: (): Bank => ({ balances: new Map([['ann', 100]]), watched: [] }),
  commands: {
    transfer({ balances }, { from, to, amount }: { from: string; to: string; amount: number }) {
      const balance = balances.get(from) ?? 0
      if (balance < amount) throw new Refusal('TOO_LOW', { balance })
      balances.set(from, balance - amount)
      balances.set(to, (balances.get(to) ?? 0) + amount)
    },
    /** A bug: money is on no account until somebody deposits it. */
    withdraw({ balances }, { from, amount }: { from: string; amount: number }) {
      balances.set(from, (balances.get(from) ?? 0) - amount)
    },
    /** A bug: all are the same counter, until a snapshot is read. */
    watch({ watched }) {
      watched.push(watched[0] ?? { count: 0 })
    },
    count({ watched }) {
      const [counter] = watched
      if (counter !== undefined) counter.count += 1
    },
    /** A bug: it throws no refusal. */
    crash() {
      throw new TypeError('a bug')
    },
  },
})

const transfers = [
  ['transfer', { from: 'ann', to: 'bob', amount: 30 }],
  ['transfer', { from: 'bob', to: 'cem', amount: 50 }],
  ['transfer', { from: 'bob', to: 'cem', amount: 10 }],
] as const

function check({ balances }: Pick<Bank, 'balances'>): void {
  const sum = [...balances.values()].reduce((a, b) => a + b, 0)
  if (sum !== 100) throw new Error(`there is ${sum} on all accounts`)
}

async function failureOf(exploration: Promise<unknown>): Promise<CrashError> {
  return exploration.then(
    () => expect.fail('it found nothing'),
    (error: unknown) => error as CrashError,
  )
}

describe('exploreCrashes', { timeout: 120_000 }, () => {
  it('finds nothing wrong with a good machine, and has looked', async () => {
    const explored = await exploreCrashes(bank, transfers, { check, runs: 1, nestedEvery: 40 })
    expect(explored.moments).toBeGreaterThan(20)
    expect(explored.nested).toBeGreaterThan(10)
    expect(explored.deepest).toBe(3)
    expect(explored.complete).toBe(true)
  })

  it('stops at its bound, having looked at all of every run', async () => {
    const many = Array.from({ length: 20 }, () => transfers).flat()
    const bound = { maxRecoveries: 60, nestedEvery: 0 }
    const explored = await exploreCrashes(bank, many, { ...bound, check })
    expect(explored).toMatchObject({ runs: 3, complete: false, recoveries: 60 })
    // The last of many commands is the bug: what is tried of a run is not its beginning.
    const bug = [...many, ['withdraw', { from: 'ann', amount: 10 }]] as const
    const error = await failureOf(exploreCrashes(bank, bug, { ...bound, check }))
    expect(error.message).toContain('check: there is 90 on all accounts')
    expect(error.commands).toEqual([60])
  })

  it.each([
    [{ chekc: () => false }, "no option 'chekc'"],
    [{ check: false }, 'check must be a function'],
    [{ seed: 1.5 }, 'seed must be an integer from 0, not 1.5'],
    [{ runs: 0 }, 'runs must be an integer from 1, not 0'],
    [{ survivals: '2' }, "survivals must be an integer from 0, not '2'"],
    [{ nestedEvery: -1 }, 'nestedEvery must be an integer from 0, not -1'],
    [{ maxRecoveries: Number.POSITIVE_INFINITY }, 'maxRecoveries must be an integer from 1, not Infinity'],
  ])('refuses an option that would check less than it seems: %j', async (options, message) => {
    await expect(exploreCrashes(bank, transfers, options as never)).rejects.toThrow(message)
  })

  it('does the same with the same seed', async () => {
    const options = { runs: 1, nestedEvery: 100 }
    const explored = await exploreCrashes(bank, transfers.slice(1), options)
    expect(await exploreCrashes(bank, transfers.slice(1), options)).toEqual(explored)
    expect(await exploreCrashes(bank, transfers.slice(1), { ...options, seed: 2 })).not.toEqual(explored)
  })

  it('names the command after which check fails, and a line that repeats it', async () => {
    const commands = [...transfers, ['withdraw', { from: 'ann', amount: 10 }], ...transfers] as const
    const error = await failureOf(exploreCrashes(bank, commands, { check, runs: 1 }))
    expect(error).toMatchObject({ name: 'CrashError', commands: [3] })
    expect(error.message).toMatch(/^after a .* at operation \d+.*: check: there is 90 on all accounts\n/)
    expect(error.message).toContain("#3 [ 'withdraw', { from: 'ann', amount: 10 } ]")
    expect(error.message.split('\n').at(-1)).toContain(error.replay)
    for (const replay of [error.replay, error.message]) {
      const again = await failureOf(exploreCrashes(bank, commands, { check, replay }))
      expect(again.message).toBe(error.message)
    }
    // With the bug out of the way the same run finds nothing.
    await exploreCrashes(bank, commands, { replay: error.replay })
  })

  it('takes false for a state that must not be', async () => {
    const error = await failureOf(exploreCrashes(bank, transfers, { check: () => false, runs: 1 }))
    expect(error.message).toContain('check: false')
    expect(error.replay).toMatch(/ cuts=none$/)
    await failureOf(exploreCrashes(bank, transfers, { check: () => false, replay: error.replay }))
  })

  it('finds a state that a snapshot does not bring back, without any check', async () => {
    const commands = [['watch'], ['watch'], ...transfers, ['count']] as const
    const error = await failureOf(exploreCrashes(bank, commands, { nestedEvery: 0 }))
    expect(error.message).toMatch(/^after a .* at operation \d+.*: the state does not follow/)
    expect(error.message).toContain('$.watched[1].count')
    expect(error.commands).toEqual(expect.arrayContaining([0, 1]))
    const again = await failureOf(exploreCrashes(bank, commands, { replay: error.replay }))
    expect(again.message).toBe(error.message)
  })

  it('finds a command that comes to something else when it is replayed', async () => {
    let outside = 0
    const counting = defineMachine({
      version: 1,
      initial: () => ({ counts: [] as number[] }),
      commands: { count: ({ counts }) => void counts.push((outside += 1)) },
    })
    const error = await failureOf(exploreCrashes(counting, [['count'], ['count']]))
    expect(error.message).toContain('the state does not follow from its')
    expect(error.message).toContain('$.counts[0] is')
  })

  it('finds a command that throws something else than a refusal', async () => {
    const error = await failureOf(exploreCrashes(bank, [...transfers, ['crash']], { runs: 1 }))
    expect(error.message).toContain('TypeError: a bug')
    expect(error.commands).toEqual([3])
  })

  it('executes what a schema makes of a command', async () => {
    type Transfer = { from: string; to: string; amount: number }
    const validate = (value: unknown): { value: Transfer } | { issues: [{ message: string }] } => {
      const [from, to, amount] = String(value).split(' ')
      if (from === undefined || to === undefined) return { issues: [{ message: 'no' }] }
      return { value: { from, to, amount: Number(amount) } }
    }
    const types = undefined as unknown as { input: string; output: Transfer }
    const schema = { '~standard': { version: 1, vendor: 'test', validate, types } } as const
    const guarded = guard(bank, { transfer: schema })
    await exploreCrashes(guarded, [['transfer', 'ann bob 5']], { check, runs: 1 })
    const refused = exploreCrashes(guarded, [['transfer', 'ann']])
    await expect(refused).rejects.toThrow("#0: the schema of 'transfer' does not take 'ann'")
  })

  it('does not wait for timers that a test has replaced', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const explored = await exploreCrashes(bank, transfers, { runs: 1, survivals: 0, maxRecoveries: 20 })
    expect(explored.recoveries).toBe(20)
  })

  it('takes large commands, and refuses what it cannot repeat', async () => {
    const name = 'x'.repeat(20_000)
    const large = [['transfer', { from: 'ann', to: name, amount: 1 }]] as const
    await exploreCrashes(bank, large, { runs: 1, survivals: 0, nestedEvery: 0, check })
    await expect(exploreCrashes(bank, [])).rejects.toThrow(RangeError)
    await expect(exploreCrashes(bank, large, { replay: 'seed=1' })).rejects.toThrow(/which run/)
    const missing = 'seed=1 run=0 commands=0,7 cuts=none'
    await expect(exploreCrashes(bank, large, { replay: missing })).rejects.toThrow('#7')
    const nowhere = 'seed=1 run=0 commands=0 cuts=9999:kill'
    await expect(exploreCrashes(bank, large, { replay: nowhere })).rejects.toThrow(/nothing to cut/)
  })
})
