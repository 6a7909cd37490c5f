import { describe, expect, it, onTestFinished } from 'vitest'
import { bank, errorLike, filesLike, STORE, testEnvironment } from './bank.fixture.ts'
import { type AnyMachine, defineMachine } from './machine.ts'
import { open } from './open.ts'
import type { SnapshotMode } from './snapshot-source.ts'

interface State {
  readonly values: number[]
}

/** Adds what it is given; from the command `at` on it adds what no other run does. */
function fickle(at: number) {
  let runs = 0
  return defineMachine({
    version: 1,
    initial: (): State => ({ values: [] }),
    commands: {
      add(state, value: number, { seq }) {
        state.values.push(seq === at ? runs++ : value)
      },
    },
    capture: ({ values }) => ({ values: [...values] }),
  })
}

async function openVerifying(machine: AnyMachine, mode: SnapshotMode) {
  const environment = testEnvironment()
  const module = new URL('test:machine')
  environment.workers.modules.set(module.href, { default: machine })
  const store = await open(STORE, mode === 'worker' ? (module as never) : machine, {
    environment,
    snapshot: { mode },
    verifySnapshots: 'replay',
  })
  onTestFinished(() => store.close())
  return { store, environment, failures: failuresOf(store) }
}

function failuresOf(store: Awaited<ReturnType<typeof open>>): unknown[] {
  const failures: unknown[] = []
  store.events.on('snapshotFailed', (error) => failures.push(error))
  return failures
}

describe.each<SnapshotMode>(['blocking', 'captured', 'worker'])(
  'a %s snapshot, verified by replay',
  (mode) => {
    it('counts where the replay comes to the same', async () => {
      const { store, failures } = await openVerifying(fickle(0), mode)
      for (let i = 0; i < 3; i++) {
        for (let value = 0; value < 10; value++) await store.execute('add', value)
        const taken = store.snapshot()
        await store.execute('add', -1)
        expect(await taken).toMatchObject({ seq: 10 * (i + 1) + i })
      }
      expect(failures).toEqual([])
      expect(store.stats().snapshots).toMatchObject({ taken: 3, failed: 0 })
    })

    it.each([1, 2, 15, 16, 29, 30])(
      'is not published where two replays differ, and the first command is named: %i of 30',
      async (at) => {
        const { store, environment, failures } = await openVerifying(fickle(at), mode)
        const first = at > 10 ? 10 : 0
        for (let value = 0; value < first; value++) await store.execute('add', value)
        const before = await store.snapshot()
        for (let value = first; value < 30; value++) await store.execute('add', value)
        const details = { fromSeq: first, throughSeq: 30 }
        await expect(store.snapshot()).rejects.toEqual(errorLike('DIVERGED', { seq: at, details }))
        expect(failures).toEqual([errorLike('DIVERGED', { seq: at })])
        expect(filesLike(environment, /snapshots/)).toEqual([before.path])
        await store.execute('add', 1)
        expect(store.stats()).toMatchObject({ appliedSeq: 31, snapshots: { kept: [before], failed: 1 } })
      },
    )
  },
)

describe('a state that was changed by something other than a command', () => {
  it.each<SnapshotMode>(['blocking', 'captured'])(
    'is found out, though every replay agrees: %s',
    async (mode) => {
      const { store, environment } = await openVerifying(fickle(0), mode)
      await store.execute('add', 1)
      const before = await store.snapshot()
      await store.execute('add', 2)
      ;(store.state as State).values.push(3)
      const refused = store.snapshot()
      await expect(refused).rejects.toEqual(errorLike('DIVERGED', { details: { fromSeq: 1, throughSeq: 2 } }))
      await expect(refused).rejects.not.toHaveProperty('seq')
      await expect(refused).rejects.toThrow('Something other than a command has changed the state')
      expect(filesLike(environment, /snapshots/)).toEqual([before.path])
    },
  )
})

describe('verifySnapshots', () => {
  it('is read or replay', async () => {
    const environment = testEnvironment()
    await expect(open(STORE, bank, { environment, verifySnapshots: 'never' as never })).rejects.toEqual(
      errorLike('INVALID_ARGUMENT', { details: { option: 'verifySnapshots' } }),
    )
    expect(filesLike(environment, /./)).toEqual([])
  })
})
