import { describe, expect, it } from 'vitest'
import { faultyMemory, openHarness, segmentsOf, text, turns } from './log-harness.fixture.ts'

async function filled(environment: ReturnType<typeof faultyMemory>): ReturnType<typeof openHarness> {
  const store = await openHarness(environment, { segmentBytes: 4096, syncIntervalMs: 60_000 })
  for (let i = 1; i <= 10; i++) await store.append(text(i, 900))
  await turns()
  return store
}

describe('trim', () => {
  it('writes nothing where there is nothing to trim', async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    environment.files.clearLog()
    expect(await store.log.trim(2)).toEqual({ firstSeq: 1, segments: 0, bytes: 0 })
    expect(environment.files.log).toEqual([])
    await store.close()
  })

  it('says how many bytes of files it deleted', async () => {
    const environment = faultyMemory()
    const store = await filled(environment)
    const before = environment.memory.snapshot()
    const { bytes, segments } = await store.log.trim(8)
    const left = new Set(segmentsOf(environment.memory))
    const gone = [...before].filter(([path]) => path.endsWith('.wal') && !left.has(path))
    expect(gone).toHaveLength(segments)
    expect(segments).toBe(2)
    expect(bytes).toBe(gone.reduce((sum, [, file]) => sum + file.length, 0))
    await store.close()
  })
})
