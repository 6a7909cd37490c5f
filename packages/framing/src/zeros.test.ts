import { describe, expect, it } from 'vitest'
import { MemorySource } from './memory-source.fixture.ts'
import { firstNonZero, isZeros } from './zeros.ts'

describe('firstNonZero', () => {
  const size = 600_000
  const chunk = 256 * 1024

  it.each([0, 1, 7, 511, 512, chunk - 1, chunk, chunk + 1, size - 1])('finds a byte at %i', async (at) => {
    const bytes = Buffer.alloc(size)
    bytes[at] = 0x80
    expect(await firstNonZero(new MemorySource(bytes), 0, size)).toBe(at)
    expect(await isZeros(new MemorySource(bytes), 0, size)).toBe(false)
  })

  it('finds the first of several, through short reads', async () => {
    const bytes = Buffer.alloc(1000)
    bytes[500] = 1
    bytes[700] = 1
    expect(await firstNonZero(new MemorySource(bytes, () => 13), 3, 1000)).toBe(500)
    expect(await firstNonZero(new MemorySource(bytes, () => 13), 501, 1000)).toBe(700)
  })

  it('looks at its range only', async () => {
    const bytes = Buffer.alloc(100, 1).fill(0, 10, 20)
    const source = new MemorySource(bytes)
    expect(await firstNonZero(source, 10, 20)).toBeUndefined()
    expect(await isZeros(source, 10, 20)).toBe(true)
    expect(await isZeros(source, 10, 21)).toBe(false)
    expect(await isZeros(source, 9, 20)).toBe(false)
    expect(await isZeros(new MemorySource(bytes, () => 3), 10, 20)).toBe(true)
  })

  it('holds no more than a part of its range', async () => {
    const source = new MemorySource(Buffer.alloc(size))
    expect(await isZeros(source, 0, size)).toBe(true)
    expect(source.largestRequestBytes).toBe(chunk)
  })

  it('finds nothing in an empty range, without a read', async () => {
    const source = new MemorySource(Buffer.alloc(10, 1))
    expect(await isZeros(source, 5, 5)).toBe(true)
    expect(source.reads).toBe(0)
  })

  it('finds nothing behind the end of the source', async () => {
    expect(await isZeros(new MemorySource(Buffer.alloc(10)), 0, 1000)).toBe(true)
  })

  it('does not take an error for the end', async () => {
    const failure = new Error('EIO')
    const source = { read: (): Promise<number> => Promise.reject(failure) }
    await expect(firstNonZero(source, 0, 10)).rejects.toBe(failure)
  })
})
