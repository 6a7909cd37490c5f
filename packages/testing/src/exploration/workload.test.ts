import { Wal } from '@holdfast/wal'
import { expect, it } from 'vitest'
import { explore, STORE, type Subject } from './index.ts'

/** How often it could not be tidied. */
let untidy = 0

const failing: Subject = {
  draw: (id) => Buffer.from([id]),
  async open(environment) {
    const wal = await Wal.open(STORE, { environment })
    return {
      durableSeq: 0,
      lastSeq: 0,
      async submit(records) {
        await wal.appendAll(records as readonly Buffer[], { durability: 'disk' })
        return undefined
      },
      sync: () => wal.sync(),
      async tidy() {
        await wal.sync()
        untidy += 1
        throw new Error('it cannot be tidied')
      },
      async read() {
        const ids: number[] = []
        for await (const { value } of wal.read()) ids.push(value[0] as number)
        return { firstSeq: 1, ids }
      },
      verify: () => {},
      close: () => wal.close(),
    }
  },
}

it('hears of what fails although no step waited for it', async () => {
  // Cut off nowhere: what counts is the run itself.
  const cuts = '1000000:kill'
  for (let seed = 1; untidy < 20; seed += 1) {
    const before = untidy
    const only = { workload: 0, cuts }
    const { failures } = await explore(failing, { seed, workloads: 1, survivals: 0, steps: 4, only })
    const messages = failures.map(({ error }) => error.message)
    expect(messages).toEqual(untidy === before ? [] : ['it cannot be tidied'])
  }
})
