import { describe, expect, it } from 'vitest'
import {
  deferred,
  faultyMemory,
  openHarness,
  readAll,
  segmentsOf,
  text,
  turns,
} from './log-harness.fixture.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }

describe('the name of a segment', () => {
  it('is its own also where the system said that it could not be given, and gave it', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    environment.files.fail({
      on: 'rename',
      path: /\.wal$/,
      times: Infinity,
      fault: { errno: 'EIO', made: true },
    })
    for (let i = 1; i <= 8; i++) await store.append(text(i, 900))
    await turns()
    expect(await readAll(store.log)).toHaveLength(8)
    expect(await store.log.trim(6)).toMatchObject({ firstSeq: 7, segments: 2 })
    // Those two are gone, under whatever name. One is used, and one is prepared.
    expect(segmentsOf(environment.memory)).toHaveLength(2)
    expect(store.warnings).toEqual([])
    await store.close()
  })

  it('is looked for under both while it changes', async () => {
    const environment = faultyMemory()
    const store = await openHarness(environment, options)
    // Made, and its caller has not heard of it yet.
    const renamed = deferred()
    const { files } = environment
    const rename = files.rename.bind(files)
    files.rename = async (from, to) => {
      await rename(from, to)
      if (to.endsWith('.wal')) await renamed.promise
    }
    await store.append('a')
    await turns()
    expect(await readAll(store.log)).toEqual(['1:a'])
    renamed.resolve()
    await store.close()
  })
})
