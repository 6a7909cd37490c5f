import { SimulatedEnvironment } from '@holdfast/testing/environment'
import { defineMachine, open } from 'holdfast'
import { expect, it } from 'vitest'
import { haveZstdInTurn } from './zstd-in-turn.ts'

const machine = defineMachine({
  version: 1,
  initial: () => ({ text: '' }),
  commands: {
    set(state: { text: string }, text: string): void {
      state.text = text
    },
  },
})

/** What it gives, if no turn of the real event loop goes by meanwhile. */
async function inOneTurn<T>(work: () => Promise<T>): Promise<T> {
  let isOver = false
  const immediate = setImmediate(() => {
    isOver = true
  })
  const result = await work()
  clearImmediate(immediate)
  expect(isOver).toBe(false)
  return result
}

it('compresses and decompresses while nothing of the simulation goes on', async () => {
  expect(haveZstdInTurn()).toBe(true)
  const environment = new SimulatedEnvironment()
  const openIt = () => open('/store', machine, { environment, snapshot: { compression: 'zstd' } })
  const text = 'again and again '.repeat(1000)
  const store = await openIt()
  await store.execute('set', text)
  const { bytes } = await inOneTurn(() => store.snapshot())
  expect(bytes).toBeLessThan(text.length / 10)
  await store.close()
  const again = await inOneTurn(openIt)
  expect(again.state.text).toBe(text)
  expect(again.report.snapshot?.seq).toBe(1)
  await again.close()
})
