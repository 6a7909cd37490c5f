import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { FrameMemory } from './frame-memory.ts'
import { openHarness, STORE, text } from './log-harness.fixture.ts'

const KIB = 1024

describe('the memory of a frame that has been written and acted on is that of another', () => {
  it.each<[string, 'os' | 'disk', number, committed: () => Promise<void> | undefined]>([
    ['acted on at once', 'disk', 1, () => undefined],
    ['acted on later', 'disk', 1, () => Promise.resolve()],
    ['synced later', 'os', 1, () => undefined],
    ['full before they were written', 'disk', 1100, () => undefined],
  ])('batches that are %s', async (_, level, records, acting) => {
    const store = await openHarness(memoryEnvironment(), { maxUnsyncedBytes: 100 * KIB }, STORE, {
      committed: ({ firstSeq, waiters }) => {
        for (const [i, waiter] of waiters.entries()) waiter.resolve(firstSeq + i)
        return acting()
      },
    })
    const fresh = vi.spyOn(Buffer, 'allocUnsafeSlow')
    onTestFinished(() => fresh.mockRestore())
    for (let i = 0; i < 10; i++) {
      const bytes = Math.ceil((100 * KIB) / records)
      await Promise.all(Array.from({ length: records }, () => store.append(text(i, bytes), level)))
    }
    expect(store.log.stats().batches).toBeGreaterThanOrEqual(10)
    expect(fresh.mock.calls.length).toBeGreaterThan(0)
    expect(fresh.mock.calls.length).toBeLessThan(5)
    await store.close()
  })

  it('up to the largest that is kept', () => {
    const memory = new FrameMemory()
    const first = memory.take(8 * KIB * KIB)
    memory.give(first)
    expect(memory.take(8 * KIB * KIB) === first).toBe(true)
  })
})
