import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { Pace } from './pace.ts'

/** Time that goes by only where it is told to: in each turn of the event loop, and by hand. */
function paced(turnMs: number, pace: 'fast' | 'gentle') {
  const { timers, ...environment } = memoryEnvironment()
  const { clock } = environment
  const calls = { turns: 0 }
  const slow: typeof timers = {
    after: (ms, run, options) => timers.after(ms, run, options),
    turn(run) {
      calls.turns++
      clock.advance(turnMs)
      timers.turn(run)
    },
  }
  return { clock, calls, pace: new Pace({ ...environment, timers: slow }, pace) }
}

/** How many steps of so many milliseconds go before it is time for a rest; 1,000 at most. */
function stepsOf(stepMs: number, { clock, pace }: ReturnType<typeof paced>): number {
  for (let steps = 1; steps <= 1000; steps++) {
    clock.advance(stepMs)
    if (pace.isSliceOver) return steps
  }
  return Infinity
}

describe('a gentle writer', () => {
  it('works for a millisecond, and looks at the clock every 64 steps', () => {
    expect(stepsOf(1, paced(1, 'gentle'))).toBe(64)
    expect(stepsOf(1 / 64, paced(1, 'gentle'))).toBe(64)
    expect(stepsOf(1 / 128, paced(1, 'gentle'))).toBe(128)
    expect(stepsOf(0, paced(1, 'gentle'))).toBe(Infinity)
  })

  it.each([
    ['of a millisecond each', 1, 2, 8],
    ['longer than it has to rest', 20, 2, 1],
    ['for a tenth of a second at most', 1, 3_600_000, 100],
    ['that are a little longer than those of a loop that has nothing to do', 0.125, 1.25, 40],
    ['as short as those, for a millisecond', 0.0625, 2, 16],
    ['as short as those, for less', 0.0625, 0.125, 8],
  ])('leaves four times as long to others, in turns %s', async (_, turnMs, workedMs, turns) => {
    const writer = paced(turnMs, 'gentle')
    writer.clock.advance(workedMs)
    await writer.pace.rest()
    expect(writer.calls.turns).toBe(turns)
  })

  it('begins another slice behind its rest', async () => {
    const writer = paced(1, 'gentle')
    for (let round = 0; round < 3; round++) {
      expect(stepsOf(1 / 64, writer)).toBe(64)
      await writer.pace.rest()
    }
    expect(writer.calls.turns).toBe(12)
    expect(stepsOf(1 / 128, writer)).toBe(128)
  })
})

it('a fast writer is never told to rest, and leaves one turn to others where it does', async () => {
  const writer = paced(1, 'fast')
  expect(stepsOf(100, writer)).toBe(Infinity)
  await writer.pace.rest()
  expect(writer.calls.turns).toBe(1)
})
