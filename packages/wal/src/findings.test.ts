import { bytesCodec } from '@holdfast/codec'
import { memoryEnvironment, type MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed } from './crashed-log.fixture.ts'
import { Findings } from './findings.ts'
import { KIND, writeBatchPrefix } from './format.ts'
import { openHarness, STORE } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import type { LogPlan } from './plan.ts'
import { StoreDirectory } from './store-directory.ts'

async function planOf(files: MemoryFileSystem, after: number): Promise<LogPlan> {
  const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
  const scan = new LogDirectory(directory, bytesCodec).scan({ after })
  for await (const _ of scan) continue
  return scan.plan
}

describe('a plan', () => {
  it('of a log that holds nothing says that nothing is proven, and by nothing', async () => {
    const environment = memoryEnvironment()
    await (await openHarness(environment)).close()
    expect(await planOf(environment.files, 0)).toMatchObject({
      firstSeq: 1,
      lastSeq: 0,
      provenSeq: 0,
      provenBy: 'nothing',
      segments: [],
      ignored: [],
      bytesRead: 0,
      refusal: undefined,
    })
  })

  it.each([0, 3, 6, 9])('says how many bytes of the log were read above sequence %i', async (after) => {
    const { files } = await closed()
    const plan = await planOf(files, after)
    const read = plan.segments.filter(({ lastSeq }) => lastSeq > after)
    expect(read).toHaveLength(4 - after / 3)
    expect(plan.bytesRead).toBe(read.reduce((sum, { countedBytes }) => sum + countedBytes, 0))
  })
})

it('a batch proves what it says was durable, and nothing of its own', () => {
  const findings = new Findings()
  // As a mark it would read well, and say that the batch itself was durable.
  const payload = Buffer.alloc(40)
  writeBatchPrefix(payload, 0, { firstSeq: 30, time: 1, durableSeq: 16, count: 1, noteBytes: 0 })
  findings.proveFrom(KIND.batch, payload, 'a batch')
  expect(findings.plan).toMatchObject({ provenSeq: 16, provenBy: 'a batch' })
})
