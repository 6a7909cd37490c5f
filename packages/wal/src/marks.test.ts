import { ManualTimers, memoryEnvironment } from '@holdfast/testing/environment'
import { bytesCodec } from '@holdfast/codec'
import { describe, expect, it } from 'vitest'
import { decode, encode, faultyMemory, openHarness, recovered, STORE, turns } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { StoreDirectory } from './store-directory.ts'

const SEGMENT = /\.wal/

describe('marks', () => {
  it('say at idle and at close how far the log is durable, so that a crash then leaves no survivors', async () => {
    const environment = memoryEnvironment()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers })
    await store.append('a')
    await turns()
    const survivors = { firstSeq: 1, lastSeq: 1 }
    expect((await recovered(environment.files)).plan).toMatchObject({ provenSeq: 0, survivors })
    timers.advance(50)
    await turns()
    expect((await recovered(environment.files)).plan).toMatchObject({ provenSeq: 1, survivors: undefined })
    expect(timers.pending).toBe(0)
    await store.append('b')
    await store.close()
    expect((await recovered(environment.files)).plan).toMatchObject({ provenSeq: 2, survivors: undefined })
  })

  it('come with a pass that wants nothing before them: others speak of what was overtaken', async () => {
    const environment = memoryEnvironment()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers })
    for (const name of ['a', 'b', 'c']) {
      await store.append(name)
      await turns()
      timers.advance(50)
      await turns()
    }
    const given: number[][] = []
    for (const after of [0, 1, 2, 3]) {
      const directory = await StoreDirectory.openForReading(STORE, environment)
      const marks: number[] = []
      for await (const item of new LogDirectory(directory, bytesCodec).scan({ after }))
        if (!('records' in item)) marks.push(item.durableSeq)
      given.push(marks)
    }
    expect(given).toEqual([[1, 2, 3], [1, 2, 3], [2, 3], [3]])
    await store.close()
  })

  it('carry a note of whoever acts on the log', async () => {
    const environment = memoryEnvironment()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers }, {}, STORE, {
      note: (kind) => encode(`a ${kind}`),
    })
    await store.append('a')
    await turns()
    timers.advance(50)
    await turns()
    const directory = await StoreDirectory.openForReading(STORE, environment)
    const notes: string[] = []
    for await (const { note } of new LogDirectory(directory, bytesCodec).scan({ after: 0 }))
      notes.push(decode(note))
    expect(notes).toEqual(['a batch', 'a mark'])
    await store.close()
  })

  it('are not written over and over where there is no room for them', async () => {
    const environment = faultyMemory()
    const timers = new ManualTimers(environment.clock)
    const store = await openHarness({ ...environment, timers })
    await store.append('a')
    await turns()
    environment.files.fail({ on: 'writeThrough', path: SEGMENT, times: Infinity, fault: { errno: 'ENOSPC' } })
    for (let i = 0; i < 5; i++) {
      timers.advance(1000)
      await turns()
    }
    expect(store.warnings.map(({ code }) => code)).toEqual(['NO_SPACE'])
    environment.files.clearRules()
    expect(await store.append('b')).toBe(2)
    await store.close()
    expect((await recovered(environment.memory)).records).toEqual(['1:a', '2:b'])
  })
})
