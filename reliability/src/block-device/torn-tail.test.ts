import { describe, expect, it } from 'vitest'
import { hasZeroPart } from './torn-tail.ts'

describe('a frame with a sector that may never have been written', () => {
  /** Two sectors, with what is written in them. */
  const sectors = (from: number, to: number): Uint8Array => new Uint8Array(1024).fill(1, from, to)

  it.each([
    { frame: [0, 512], written: [0, 512], zeroPart: false },
    { frame: [0, 1024], written: [0, 512], zeroPart: true },
    { frame: [0, 1024], written: [8, 1016], zeroPart: false },
    { frame: [256, 512], written: [0, 256], zeroPart: true },
    { frame: [256, 776], written: [0, 513], zeroPart: false },
    { frame: [256, 776], written: [776, 1024], zeroPart: true },
  ] as const)('$frame, written $written: $zeroPart', ({ frame, written, zeroPart }) => {
    expect(hasZeroPart(sectors(written[0], written[1]), frame[0], frame[1])).toBe(zeroPart)
  })
})
