import { describe, expect, it, onTestFinished } from 'vitest'
import { filesLike, STORE, testEnvironment, turns } from './bank.fixture.ts'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'
import type { SnapshotMode } from './snapshot-source.ts'

const machine = defineMachine({
  version: 1,
  initial: () => ({ sum: 0 }),
  commands: { add: (state, amount: number) => void (state.sum += amount) },
  capture: ({ sum }) => ({ sum }),
})

describe('snapshots that are asked for while another one is written', () => {
  // One that is written in this thread out of the state itself lets no command be applied meanwhile: there is one state.
  it.each<SnapshotMode>(['captured', 'worker'])('are taken one behind the other: %s', async (mode) => {
    const environment = testEnvironment()
    const module = new URL('test:machine')
    environment.workers.modules.set(module.href, { default: machine })
    const store = await open<typeof machine>(STORE, module, { environment, snapshot: { mode } })
    onTestFinished(() => store.close())
    const published: number[] = []
    store.events.on('snapshot', ({ seq }) => published.push(seq))
    let goOn = (): void => {}
    const hang = new Promise<void>((resolve) => {
      goOn = resolve
    })
    environment.files.fail({ on: 'write', path: /store\/snapshots/, fault: { hang } })
    await store.execute('add', 1)
    const snapshots = [store.snapshot()]
    await turns(environment, 50)
    for (let i = 0; i < 2; i++) {
      await store.execute('add', 1)
      snapshots.push(store.snapshot())
      await turns(environment, 50)
    }
    const during = filesLike(environment, /store\/snapshots/)
    goOn()
    // The last two are of one moment, and so one snapshot.
    expect((await Promise.all(snapshots)).map(({ seq }) => seq)).toEqual([1, 3, 3])
    expect(during).toHaveLength(1)
    expect(published).toEqual([1, 3])
    expect(store.stats().snapshots).toMatchObject({ taken: 2, failed: 0 })
  })
})
