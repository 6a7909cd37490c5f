import { describe, expect, it } from 'vitest'
import { afterKill, errorLike, STORE, testEnvironment, type TestEnvironment, turns } from './bank.fixture.ts'
import { defineMachine, type MachineDefinition } from './machine.ts'
import { open } from './open.ts'
import { openAt } from './open-read-only.ts'

interface State {
  /** Never changed in place: another one takes its place. */
  accounts: Readonly<Record<string, number>>
}

const definition = {
  version: 1,
  initial: (): State => ({ accounts: {} }),
  commands: {
    set(state: State, [name, amount]: [string, number]) {
      state.accounts = { ...state.accounts, [name]: amount }
    },
    fill(state: State, count: number) {
      state.accounts = Object.fromEntries(Array.from({ length: count }, (_, i) => [`account ${i}`, i]))
    },
  },
}
const capture = ({ accounts }: State): State => ({ accounts })
const capturing = defineMachine({ ...definition, capture })

/** A store whose state takes several chunks, and what has happened to it so far. */
async function filled(machine: MachineDefinition<State> & typeof definition, environment: TestEnvironment) {
  const store = await open(STORE, defineMachine(machine), { environment })
  await store.execute('fill', 60_000)
  const happened: string[] = []
  store.events.on('snapshot', ({ seq, mode }) => happened.push(`snapshot ${mode} ${seq}`))
  store.events.on('snapshotFailed', ({ code }) => happened.push(code))
  return { store, happened }
}

describe('a snapshot out of a captured view', () => {
  it.each<[mode: string, machine: typeof definition, applied: boolean]>([
    ['captured', { ...definition, capture } as typeof definition, true],
    ['blocking', definition, false],
  ])(
    'is written while commands are applied, and one that is not is not: %s',
    async (mode, machine, applied) => {
      const environment = testEnvironment()
      const { store, happened } = await filled(machine, environment)
      let goOn: (() => void) | undefined
      const disk = new Promise<void>((resolve) => {
        goOn = resolve
      })
      environment.files.fail({ on: 'write', path: /\.snap/, nth: 2, fault: { hang: disk } })
      const taken = store.snapshot()
      const executed = store.execute('set', ['a', 1]).then(() => happened.push('applied'))
      await turns(environment, 50)
      expect(happened).toEqual(applied ? ['applied'] : [])
      goOn?.()
      await Promise.all([taken, executed])
      expect(happened.toSorted()).toEqual(['applied', `snapshot ${mode} 1`])
      await store.close()
    },
  )

  it('holds the state of its sequence, whatever is applied meanwhile', async () => {
    const environment = testEnvironment()
    const { store } = await filled({ ...definition, capture }, environment)
    const taken = store.snapshot()
    for (let i = 0; i < 5; i++) await store.execute('set', [`account ${i}`, -1])
    const { seq, digest } = await taken
    expect(seq).toBe(1)
    const before = {
      accounts: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`account ${i}`, i])),
    }
    const again = await open(STORE, capturing, { environment: afterKill(environment) })
    expect(again.report).toMatchObject({ snapshot: { seq: 1, digest }, replay: { records: 5 } })
    expect(again.state).toEqual(store.state)
    await again.close()
    const asOf = await openAt(STORE, capturing, { seq: 1 }, { environment: afterKill(environment) })
    expect(asOf.state).toEqual(before)
    await store.close()
  })

  it('has the digest of one that is written out of the state itself', async () => {
    const stores = [definition, { ...definition, capture }].map((each) => filled(each, testEnvironment()))
    const digests: string[] = []
    for (const { store, happened } of await Promise.all(stores)) {
      digests.push((await store.snapshot()).digest)
      digests.push(happened.join())
    }
    expect(digests[2]).toBe(digests[0])
    expect([digests[1], digests[3]]).toEqual(['snapshot blocking 1', 'snapshot captured 1'])
  })

  it('goes through the entries of the view', async () => {
    const environment = testEnvironment()
    const machine = defineMachine({
      ...definition,
      capture,
      entries: ({ accounts }: State) => Object.entries(accounts),
      async restore(entries: AsyncIterable<[string, number]>) {
        const accounts: Record<string, number> = {}
        for await (const [name, amount] of entries) accounts[name] = amount
        return { accounts }
      },
    })
    const store = await open(STORE, machine, { environment })
    await store.execute('fill', 60_000)
    const taken = store.snapshot()
    await store.execute('set', ['account 59999', -1])
    expect((await taken).seq).toBe(1)
    const again = await open(STORE, machine, { environment: afterKill(environment) })
    expect(again.report.replay.records).toBe(1)
    expect(again.state).toEqual(store.state)
    await again.close()
    await store.close()
  })

  it.each([
    ['is written', 'read', 1],
    ['is written, and compared with a replay,', 'replay', 2],
  ] as const)(
    '%s for a millisecond at a time: commands are applied in between',
    async (_, verifySnapshots, times) => {
      const memory = testEnvironment()
      const { clock } = memory
      let taken = 0
      let takenInTurn = 0
      let mostInTurn = 0
      // Time goes by with each entry that is taken, and with each turn; not by itself.
      const timers: typeof memory.timers = {
        after: (ms, run, options) => memory.timers.after(ms, run, options),
        turn(run) {
          memory.timers.turn(() => {
            clock.advance(1)
            takenInTurn = 0
            run()
          })
        },
      }
      const machine = {
        ...definition,
        capture,
        *entries({ accounts }: State) {
          for (const entry of Object.entries(accounts)) {
            clock.advance(1 / 64)
            taken += 1
            takenInTurn += 1
            mostInTurn = Math.max(mostInTurn, takenInTurn)
            yield entry
          }
        },
        restore: () => Promise.reject(new Error('nobody opens it again')),
      }
      const environment = { ...memory, timers }
      const store = await open(STORE, defineMachine(machine), { environment, verifySnapshots })
      await store.execute('fill', 1280)
      let isTaken = false
      const snapshot = store.snapshot().finally(() => (isTaken = true))
      let appliedMeanwhile = 0
      while (!isTaken) {
        await store.execute('set', ['a', taken])
        if (taken % 1280 !== 0) appliedMeanwhile += 1
      }
      expect(await snapshot).toMatchObject({ seq: 1 })
      expect(taken).toBe(times * 1280)
      // 64 take a millisecond, and the clock is looked at once for so many.
      expect(mostInTurn).toBeLessThanOrEqual(128)
      expect(appliedMeanwhile).toBeGreaterThan(10 * times)
      await store.close()
    },
  )

  it('is waited for by close, and by the next one', async () => {
    const environment = testEnvironment()
    const { store, happened } = await filled({ ...definition, capture }, environment)
    const first = store.snapshot()
    await store.execute('set', ['a', 1])
    const second = store.snapshot()
    await store.close()
    expect([(await first).seq, (await second).seq]).toEqual([1, 2])
    expect(happened).toEqual(['snapshot captured 1', 'snapshot captured 2'])
    const again = await open(STORE, capturing, { environment })
    expect(again.report.replay.records).toBe(0)
    await again.close()
  })

  it.each<[what: string, capture: unknown, message: string]>([
    ['gives the state itself', (state: State) => state, 'the state itself'],
    ['gives nothing', () => undefined, 'no object'],
    ['gives a number', () => 5, 'no object'],
    [
      'throws',
      () => {
        throw new Error('not now')
      },
      'could not be taken',
    ],
  ])('is not taken where capture %s, and the store goes on', async (_, wrong, message) => {
    const { store, happened } = await filled(
      { ...definition, capture: wrong as (state: State) => State },
      testEnvironment(),
    )
    await expect(store.snapshot()).rejects.toThrow(
      errorLike('SNAPSHOT_FAILED', { message: expect.stringContaining(message) as string }),
    )
    expect(happened).toEqual(['SNAPSHOT_FAILED'])
    await store.execute('set', ['a', 1])
    expect(store.stats().snapshots).toMatchObject({ taken: 0, failed: 1 })
    await store.close()
  })

  it('is published only once the log is durable to its sequence', async () => {
    const environment = testEnvironment()
    const store = await open(STORE, capturing, { environment, syncIntervalMs: 60_000 })
    await store.execute('set', ['a', 1], { durability: 'os' })
    expect(store.durableSeq).toBe(0)
    await store.snapshot()
    expect(store.durableSeq).toBe(1)
    await store.close()
  })
})

it('a capture that is no function is refused', () => {
  expect(() => defineMachine({ ...definition, capture: 'yes' as never })).toThrow(
    errorLike('INVALID_ARGUMENT'),
  )
})

it('figures and events say how snapshots are taken, and for how long they blocked', async () => {
  const environment = testEnvironment()
  const slow = {
    ...definition,
    capture(state: State) {
      environment.clock.advance(7)
      return capture(state)
    },
  }
  const store = await open(STORE, defineMachine(slow), { environment })
  const blocked: number[] = []
  store.events.on('snapshot', ({ blockedMs }) => blocked.push(blockedMs))
  expect(store.stats().snapshots).toMatchObject({ mode: 'captured', lastBlockedMs: 0 })
  await store.execute('set', ['a', 1])
  await store.snapshot()
  expect(store.stats().snapshots.lastBlockedMs).toBe(7)
  expect(blocked).toEqual([7])
  await turns(environment, 1)
  await store.close()
})
