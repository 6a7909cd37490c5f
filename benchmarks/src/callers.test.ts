import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { callers } from './callers.ts'

it('has so many under way, each once, and waits for all', async () => {
  let underWay = 0
  let most = 0
  const seen: number[] = []
  const commit = async (index: number): Promise<void> => {
    seen.push(index)
    most = Math.max(most, ++underWay)
    await turn()
    underWay -= 1
  }
  const { acknowledged, next, latency } = await callers(
    { commit },
    { inFlight: 7, ms: Infinity, most: 50, first: 100 },
  )
  expect({ acknowledged, next, most, underWay }).toEqual({
    acknowledged: 50,
    next: 150,
    most: 7,
    underWay: 0,
  })
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => 100 + index))
  expect(latency.count).toBe(50)
})

it('stops by the clock, and by a signal', async () => {
  const stop = new AbortController()
  const byClock = await callers({ commit: () => turn() }, { inFlight: 2, ms: 5, most: Infinity, first: 0 })
  expect(byClock.acknowledged).toBeGreaterThan(0)
  stop.abort()
  const load = { inFlight: 3, ms: Infinity, most: Infinity, signal: stop.signal, first: 0 }
  expect((await callers({ commit: () => turn() }, load)).acknowledged).toBe(3)
})

it('issues again what was refused for want of room, and gives up at any other error', async () => {
  let room = false
  const relieve = async (error: unknown): Promise<void> => {
    if (!(error instanceof RangeError)) throw error
    room = true
  }
  const commit = async (index: number): Promise<void> => {
    if (!room) throw new RangeError('full')
    if (index === 5) throw new TypeError('broken')
  }
  const load = { inFlight: 1, ms: Infinity, first: 0 }
  expect((await callers({ commit, relieve }, { ...load, most: 3 })).acknowledged).toBe(3)
  await expect(callers({ commit, relieve }, { ...load, most: 9 })).rejects.toThrow('broken')
})
