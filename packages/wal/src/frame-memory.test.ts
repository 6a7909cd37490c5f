import { describe, expect, it } from 'vitest'
import { FrameMemory } from './frame-memory.ts'

const KIB = 1024

describe('FrameMemory', () => {
  it('gives the same memory again to whatever fits into it', () => {
    const memory = new FrameMemory()
    const first = memory.take(100 * KIB)
    expect(first.length).toBe(128 * KIB)
    memory.give(first)
    const second = memory.take(64 * KIB)
    expect(second === first).toBe(true)
    expect(memory.take(64 * KIB) === first).toBe(false)
  })

  it('gives nothing that is too small', () => {
    const memory = new FrameMemory()
    const first = memory.take(100 * KIB)
    memory.give(first)
    expect(memory.take(200 * KIB).length).toBe(256 * KIB)
    expect(memory.take(128 * KIB) === first).toBe(true)
  })

  it('keeps neither what is small nor what is huge', () => {
    const memory = new FrameMemory()
    for (const bytes of [1, 64 * KIB - 1, 8 * KIB * KIB + 1]) {
      const taken = memory.take(bytes)
      expect(taken.length).toBe(bytes)
      memory.give(taken)
      expect(memory.take(bytes) === taken).toBe(false)
    }
    expect(memory.take(8 * KIB * KIB).length).toBe(8 * KIB * KIB)
  })

  it('keeps the three largest', () => {
    const memory = new FrameMemory()
    const sizes = [256, 64, 512, 128].map((kib) => memory.take(kib * KIB))
    for (const each of sizes) memory.give(each)
    const again = [1, 2, 3, 4].map(() => memory.take(64 * KIB))
    expect(again.map((each) => sizes.indexOf(each))).toEqual([3, 0, 2, -1])
  })
})
