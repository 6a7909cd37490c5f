import { describe, expect, it } from 'vitest'
import { MemorySource } from './memory-source.fixture.ts'
import { SourceWindow } from './source-window.ts'

const invalidArgument = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error
const bytes = Buffer.from(Array.from({ length: 64 }, (_, index) => index))

/** What is held from a position on. */
function held(window: SourceWindow, position: number): number[] {
  const at = position - window.start
  return [...window.bytes.subarray(at, at + window.heldFrom(position))]
}

describe('SourceWindow', () => {
  it.each([
    [-1, 64, 16],
    [0.5, 64, 16],
    [0, 64.5, 16],
    [0, 2 ** 53, 16],
    [16, 15, 16],
    [0, 64, 0],
    [0, 64, 0.5],
    [0, 64, 2 ** 53],
  ])('refuses from %d to %d with a window of %d bytes', (start, end, windowBytes) => {
    expect(() => new SourceWindow(new MemorySource(bytes), start, end, windowBytes)).toThrow(invalidArgument)
  })

  it('does not believe a source that says it read more than there was room for, at any read', async () => {
    const said = [10, 60]
    const window = new SourceWindow({ read: async () => said.shift() ?? 0 }, 0, 64, 64)
    await expect(window.load(0, 64)).rejects.toThrow(invalidArgument)
    expect(said).toEqual([])
  })

  it('holds nothing at first, and of an empty range for good', async () => {
    const window = new SourceWindow(new MemorySource(bytes), 8, 8, 1)
    expect(window.heldFrom(8)).toBe(0)
    await window.load(8, 0)
    expect(window).toMatchObject({ start: 8, held: 0, end: 8, endedEarly: false })
  })

  it('slides, and keeps what it holds already', async () => {
    const source = new MemorySource(bytes)
    const window = new SourceWindow(source, 0, 64, 16)
    await window.load(0, 1)
    expect(held(window, 0)).toEqual([...bytes.subarray(0, 16)])
    expect(window.heldFrom(20)).toBe(0)
    await window.load(12, 8)
    expect(held(window, 12)).toEqual([...bytes.subarray(12, 28)])
    await window.load(30, 1)
    expect(held(window, 30)).toEqual([...bytes.subarray(30, 46)])
    expect(source).toMatchObject({ reads: 3, bytesRead: 16 + 12 + 16 })
  })

  it('reads nothing that it holds', async () => {
    const source = new MemorySource(bytes)
    const window = new SourceWindow(source, 0, 64, 16)
    await window.load(0, 16)
    await window.load(4, 12)
    expect(source.reads).toBe(1)
  })

  it('refuses to load what the range has not, before it allocates', async () => {
    const source = new MemorySource(bytes)
    const window = new SourceWindow(source, 0, 32, 16)
    await expect(window.load(16, 17)).rejects.toThrow(invalidArgument)
    await window.load(16, 16)
    expect(source.bytesRead).toBe(16)
  })

  it('ends where the source does', async () => {
    const window = new SourceWindow(new MemorySource(bytes), 56, 80, 16)
    await window.load(56, 16)
    expect(window).toMatchObject({ held: 8, end: 64, endedEarly: true })
  })
})
