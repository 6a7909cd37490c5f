import { afterEach, describe, expect, it, vi } from 'vitest'
import { GrowingBuffer } from './growing-buffer.ts'
import { MessageWriter } from './message-writer.ts'

const MIB = 1024 * 1024

/** The sizes of the buffers that are taken from here on. */
function watchBuffers(): number[] {
  const sizes: number[] = []
  const original = Buffer.allocUnsafe.bind(Buffer)
  vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((bytes) => {
    sizes.push(bytes)
    return original(bytes)
  })
  return sizes
}

afterEach(() => void vi.restoreAllMocks())

describe('room grows', () => {
  it('only when it is full, and to twice as much at least', () => {
    const sizes = watchBuffers()
    const buffer = new GrowingBuffer()
    const bytes = Uint8Array.from({ length: 252 }, (_, index) => index)
    for (let times = 0; times < 2; times++) buffer.appendWithLength(bytes)
    expect([buffer.bytes, ...sizes]).toEqual([512, 512])
    buffer.appendWithLength(bytes)
    expect([buffer.bytes, ...sizes]).toEqual([768, 512, 1024])
    buffer.appendWithLength(new Uint8Array(5000))
    expect(sizes).toEqual([512, 1024, 768 + 5004])
    const copy = Buffer.alloc(buffer.bytes)
    buffer.copyTo(copy, 0)
    for (let times = 0; times < 3; times++) {
      expect(copy.readUInt32LE(256 * times)).toBe(252)
      expect(copy.subarray(256 * times + 4, 256 * times + 256).equals(bytes)).toBe(true)
    }
  })
})

describe('what one huge value took is not kept, and what a large batch took is', () => {
  it.each<[kind: string, afterFrameOf: (bytes: number) => () => void]>([
    [
      'bytes',
      (bytes) => {
        const buffer = new GrowingBuffer()
        buffer.appendWithLength(new Uint8Array(bytes - 4))
        buffer.reset()
        return () => buffer.appendWithLength(new Uint8Array(1))
      },
    ],
    [
      'values',
      (bytes) => {
        const writer = new MessageWriter()
        writer.write('x'.repeat(bytes - 16))
        writer.reset()
        return () => writer.write('x')
      },
    ],
  ])('%s', (_, afterFrameOf) => {
    const sizes = watchBuffers()
    const next = afterFrameOf(16 * MIB)
    expect(sizes.splice(0)).toContain(16 * MIB)
    next()
    expect(sizes).toEqual([])
    const nextAfterMore = afterFrameOf(16 * MIB + 1)
    expect(sizes.splice(0)).toContain(16 * MIB + 1)
    nextAfterMore()
    expect(sizes).toEqual([512])
  })
})
