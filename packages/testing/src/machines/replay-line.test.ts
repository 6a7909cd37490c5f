import { describe, expect, it } from 'vitest'
import { describeCuts, formatReplay, parseReplay } from './replay-line.ts'

describe('the line that replays a run', () => {
  it('says all of it, and is found in a message', () => {
    const replay = { seed: 4, run: 2, commands: [0, 3, 4, 5, 9], cuts: '31:nothing/4:kill-before' }
    const line = formatReplay(replay)
    expect(line).toBe('seed=4 run=2 commands=0,3-5,9 cuts=31:nothing/4:kill-before')
    expect(parseReplay(line)).toEqual(replay)
    expect(parseReplay(`it failed\nreplay with the option { replay: '${line}' }`)).toEqual(replay)
    expect(parseReplay(formatReplay({ ...replay, cuts: '' }))).toEqual({ ...replay, cuts: '' })
    expect(() => parseReplay('seed=4 run=2')).toThrow(RangeError)
  })

  it('tells the cuts in words', () => {
    expect(describeCuts('31:random-7/4:kill-before')).toBe(
      'a power cut at operation 31 (random-7), then a kill at operation 4',
    )
  })
})
