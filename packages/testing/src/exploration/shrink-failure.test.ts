import { Wal } from '@holdfast/wal'
import { expect, it } from 'vitest'
import { explore, type Failure, STORE, shrinkFailure, type Subject } from './index.ts'

/** A log that acknowledges at level os what it was given at level disk. */
const forgetful: Subject = {
  draw: (id) => Buffer.from([id]),
  async open(environment) {
    const wal = await Wal.open(STORE, { environment })
    return {
      durableSeq: 0,
      lastSeq: 0,
      async submit(records) {
        for (const record of records) await wal.append(record as Buffer, { durability: 'os' })
        return undefined
      },
      sync: () => wal.sync(),
      tidy: async () => {},
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

it('finds what fails, in a run of one step, with a line that repeats it', async () => {
  const options = {
    seed: 1,
    workloads: 4,
    survivals: 1,
    steps: 14,
    faults: false,
    nestedEvery: 0,
    maxFailures: 1,
  }
  const [failure] = (await explore(forgetful, options)).failures
  const shrunk = await shrinkFailure(forgetful, options, failure as Failure)
  const kept = / --kept (\d+) /.exec(shrunk.replay)?.[1]
  expect(kept).toBeDefined()
  const only = { workload: shrunk.workload, cuts: shrunk.cuts }
  const again = await explore(forgetful, { ...options, kept: new Set([Number(kept)]), only })
  expect(again.failures.map(({ error }) => error.message)).toEqual([shrunk.error.message])
}, 60_000)
