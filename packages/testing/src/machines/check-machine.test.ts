import { defineMachine, type Machine, Refusal } from 'holdfast'
import { describe, expect, it } from 'vitest'
import { checkMachine, type MachineError } from '../index.ts'

interface State {
  readonly list: { count: number }[]
  readonly tags: Map<string, unknown>
}

const initial = (): State => ({ list: [], tags: new Map() })
let outside = 0

/** Each command but the first two is a bug of its own. */
const machine = defineMachine({
  version: 1,
  initial,
  commands: {
    add: ({ list }, count: number) => list.push({ count }),
    refuse() {
      throw new Refusal('NO', { why: 'it may' })
    },
    now: ({ tags }) => void tags.set('now', Date.now()),
    random: () => Math.random(),
    outside: () => ++outside,
    changeAndRefuse({ list }) {
      list.push({ count: 1 })
      throw new Refusal('TOO_LATE')
    },
    throwError() {
      throw new TypeError('a bug')
    },
    promise: () => Promise.reject(new Error('nobody waits for this')),
    alias({ list, tags }) {
      tags.set('first', list[0])
    },
    storeFunction: ({ tags }) => void tags.set('function', () => {}),
  },
})

async function faultOf(checked: Promise<void>): Promise<MachineError> {
  return checked.then(
    () => expect.fail('it found nothing'),
    (error: unknown) => error as MachineError,
  )
}

describe('checkMachine', () => {
  it('finds nothing wrong with a good machine', async () => {
    await checkMachine(machine, [['add', 1], ['refuse'], ['add', 2]])
  })

  it.each([
    ['now', 'not-deterministic', "$.tags.get('now')"],
    ['random', 'not-deterministic', 'it gave 0.'],
    ['outside', 'not-deterministic', 'it gave 1, and then it gave 2'],
    ['changeAndRefuse', 'changed-and-refused', '$.list[1] is nothing, and then { count: 1 }'],
    ['throwError', 'threw', 'TypeError: a bug'],
    ['promise', 'threw', 'promise'],
    ['alias', 'shared-reference', "$.list[0] and $.tags.get('first') are the same object"],
    ['storeFunction', 'not-storable', 'function'],
  ] as const)('says which command it was, and what differed: %s', async (name, fault, what) => {
    const found = await faultOf(checkMachine(machine, [['add', 1], [name], ['add', 2]]))
    expect(found).toMatchObject({ name: 'MachineError', fault, index: 1 })
    expect(found.message).toContain(`#1 [ '${name}'`)
    expect(found.message).toContain(what)
  })

  it.each<[what: string, capture: (state: State) => State, index: number | undefined, message: string]>([
    ['is the state', (state) => state, undefined, 'the state itself'],
    [
      'lacks a part',
      ({ list }) => ({ list: [...list], tags: new Map([['x', 1]]) }),
      undefined,
      'another state',
    ],
    ['shares what changes', ({ list, tags }) => ({ list, tags: new Map(tags) }), 0, '$.list'],
    [
      'shares what changes later',
      ({ list, tags }) => ({ list: [...list], tags: new Map(tags) }),
      1,
      '$.list[0]',
    ],
  ])('finds a view of the state that %s', async (_, capture, index, message) => {
    const capturing = defineMachine({
      version: 1,
      initial,
      capture,
      commands: {
        add: ({ list }, count: number) => list.push({ count }),
        change: ({ list }, count: number) => {
          const [first] = list
          if (first !== undefined) first.count = count
        },
      },
    })
    const found = await faultOf(
      checkMachine(capturing, [
        ['add', 1],
        ['change', 2],
      ]),
    )
    expect(found).toMatchObject({ fault: 'not-captured', index })
    expect(found.message).toContain(message)
  })

  it('finds nothing wrong with a view that stays as it is', async () => {
    const capturing = { ...machine, capture: (state: State) => structuredClone(state) }
    await checkMachine(capturing, [['add', 1], ['refuse'], ['add', 2]])
  })

  it('looks at the first state before any command', async () => {
    const shared = { count: 0 }
    const twice: Machine<State> = { ...machine, initial: () => ({ ...initial(), list: [shared, shared] }) }
    const found = await faultOf(checkMachine(twice, [['add', 1]]))
    expect(found).toMatchObject({ fault: 'shared-reference', index: undefined })
  })

  it('finds one object in two states, whether initial or a command put it there', async () => {
    const constant = initial()
    const found = await faultOf(checkMachine({ ...machine, initial: () => constant }, [['add', 1]]))
    expect(found).toMatchObject({ fault: 'shared-reference', index: undefined })
    expect(found.message).toContain('initial gives the same object each time: $')

    const list = constant.list
    const inner = await faultOf(
      checkMachine({ ...machine, initial: () => ({ ...initial(), list }) }, [['add', 1]]),
    )
    expect(inner.message).toContain('initial gives the same object each time: $.list')

    const kept = { count: 0 }
    const keeps = defineMachine({
      version: 1,
      initial,
      commands: {
        frozen: ({ tags }) => void tags.set('frozen', Object.freeze({ at: 1 })),
        keep: ({ list }) => list.push(kept),
      },
    })
    await checkMachine(keeps, [['frozen']])
    const put = await faultOf(checkMachine(keeps, [['frozen'], ['keep']]))
    expect(put).toMatchObject({ fault: 'shared-reference', index: 1 })
    expect(put.message).toContain('it put the same object into two states: $.list[0]')
  })

  it('says what is wrong with what it is given', async () => {
    const anything = (value: unknown) => value as never
    await expect(checkMachine(machine, [])).rejects.toThrow('without any command')
    await expect(checkMachine(machine, anything('add'))).rejects.toThrow('an array of [name, argument]')
    await expect(checkMachine(machine, anything([{ name: 'add' }]))).rejects.toThrow(
      "#0: a command is [name, argument], not { name: 'add' }",
    )
    await expect(checkMachine(machine, anything([['ad', 1]]))).rejects.toThrow("#0: there is no command 'ad'")
    await expect(checkMachine(machine, anything([['add', () => 1]]))).rejects.toThrow(
      "#0: the argument of 'add' cannot be logged: HoldfastError: NOT_SERIALIZABLE",
    )
    await expect(checkMachine(anything({ version: 1 }), [])).rejects.toThrow('what defineMachine gives')
  })

  it('compares what restore makes of entries, private fields and behaviour included', async () => {
    class Counters {
      readonly #counts: number[] = []
      readonly order: number[] = []
      add(count: number): void {
        this.#counts.push(count)
      }
      *[Symbol.iterator](): Generator<number, void> {
        yield* this.#counts
      }
    }
    const counters = (restore: (counts: number[]) => number[]) =>
      defineMachine({
        version: 1,
        initial: () => new Counters(),
        commands: {
          add: (state, count: number) => state.add(count),
          last: (state) => [...state].at(-1),
        },
        entries: (state) => state,
        async restore(entries: AsyncIterable<number>) {
          const counts: number[] = []
          for await (const count of entries) counts.push(count)
          const state = new Counters()
          for (const count of restore(counts)) state.add(count)
          return state
        },
      })
    const commands = [['add', 1], ['add', 2], ['last']] as const
    await checkMachine(
      counters((counts) => counts),
      commands,
    )
    const found = await faultOf(
      checkMachine(
        counters((counts) => counts.slice(-1)),
        commands,
      ),
    )
    expect(found).toMatchObject({ fault: 'not-restored', index: 1 })
    expect(found.message).toContain('of what entries gives, $[0] is 1, and then 2')
  })

  it('finds references that only behaviour shows', async () => {
    // `entries` gives the accounts, and restore links the best one anew: to a copy.
    interface Accounts {
      readonly all: { balance: number }[]
      best: { balance: number } | undefined
    }
    const accounts = defineMachine({
      version: 1,
      initial: (): Accounts => ({ all: [], best: undefined }),
      commands: {
        open({ all }, balance: number) {
          all.push({ balance })
        },
        choose(state) {
          state.best = state.all[0]
        },
        credit({ best }) {
          if (best !== undefined) best.balance += 1
        },
      },
      entries: ({ all, best }) => [all, best],
      async restore(entries: AsyncIterable<unknown>) {
        const parts: unknown[] = []
        for await (const part of entries) parts.push(part)
        return { all: parts[0], best: parts[1] } as Accounts
      },
    })
    const found = await faultOf(checkMachine(accounts, [['open', 1], ['choose'], ['credit']]))
    expect(found).toMatchObject({ fault: 'not-restored', index: 2 })
    expect(found.message).toContain('$.all[0].balance is 2, and then 1')
  })
})
