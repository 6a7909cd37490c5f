import { afterEach, describe, expect, it, vi } from 'vitest'
import { encodeFrame } from './encode-frame.ts'
import { forgedFrame } from './forge-frame.fixture.ts'
import { FORMAT_SEED, MAX_PAYLOAD_BYTES } from './format.ts'
import type { FrameResult } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { MemorySource } from './memory-source.fixture.ts'
import { kept, readFrames } from './read-frames.fixture.ts'

const seed = 0x9e3779b9
const kinds = new Set([1, 2])

function frame(text: string, kind = 1): Buffer {
  return encodeFrame({ kind, payload: Buffer.from(text) }, seed)
}

function readerOf(bytes: Buffer, more: { windowBytes?: number } = {}): FrameReader {
  return new FrameReader(new MemorySource(bytes), { seed, start: 0, end: bytes.length, kinds, ...more })
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('FrameReader', () => {
  it('returns the frames of a source in order, then the end, again and again', async () => {
    const bytes = Buffer.concat([frame('one'), frame('two', 2), frame('')])
    const reader = readerOf(bytes)
    expect(kept(await reader.next())).toEqual({
      type: 'frame',
      kind: 1,
      flags: 0,
      payload: Buffer.from('one').toString('hex'),
      offset: 0,
      end: 24,
      skip: false,
    })
    expect(reader.position).toBe(24)
    expect(await reader.next()).toMatchObject({
      kind: 2,
      offset: 24,
      end: 48,
      headerChecksum: bytes.readUInt32LE(36),
    })
    expect(await reader.next()).toMatchObject({ kind: 1, offset: 48, end: 64 })
    expect(await reader.next()).toEqual({ type: 'end', offset: 64 })
    expect(await reader.next()).toEqual({ type: 'end', offset: 64 })
  })

  it('reads the part of a source that it was given', async () => {
    const bytes = Buffer.concat([frame('one'), frame('two'), frame('three')])
    const source = new MemorySource(bytes)
    const results = await readFrames(source, { seed, start: 24, end: 48, kinds })
    expect(results.map((result) => [result.type, result.offset])).toEqual([
      ['frame', 24],
      ['end', 48],
    ])
    expect(source.bytesRead).toBe(24)
  })

  it('reads nothing past the end that it was given, however its window slides', async () => {
    const bytes = Buffer.concat([frame('one'), frame('two'), frame('three'), frame('four')])
    for (const windowBytes of [16, 32, 40, 64, 1024]) {
      const source = new MemorySource(bytes)
      const results = await readFrames(source, { seed, start: 0, end: 72, kinds, windowBytes })
      expect(results.at(-1)).toEqual({ type: 'end', offset: 72 })
      expect(source.bytesRead).toBe(72)
    }
  })

  it('is at the end of nothing at once', () => {
    expect(readerOf(Buffer.alloc(0)).next()).toEqual({ type: 'end', offset: 0 })
  })

  it('makes a promise only when it must read', async () => {
    const bytes = Buffer.concat(Array.from({ length: 1000 }, (_, index) => frame(`payload ${index}`)))
    const source = new MemorySource(bytes)
    const reader = new FrameReader(source, { seed, start: 0, end: bytes.length, kinds })
    const first = reader.next()
    expect(first).toBeInstanceOf(Promise)
    await first
    for (let index = 1; index < 1000; index++) expect((reader.next() as FrameResult).type).toBe('frame')
    expect((reader.next() as FrameResult).type).toBe('end')
    expect(source.reads).toBe(1)
  })

  it('returns payloads as views of its window, without a copy', async () => {
    const reader = readerOf(Buffer.concat([frame('one'), frame('two')]))
    const first = await reader.next()
    const second = await reader.next()
    if (first.type !== 'frame' || second.type !== 'frame') throw new Error('expected two frames')
    expect(first.payload.buffer).toBe(second.payload.buffer)
    expect(second.payload.byteOffset - first.payload.byteOffset).toBe(24)
  })

  it('changes seeds between frames, though it has read ahead', async () => {
    const header = encodeFrame({ kind: 1, payload: Buffer.from('salt') }, FORMAT_SEED)
    const bytes = Buffer.concat([header, frame('with the salt')])
    const reader = new FrameReader(new MemorySource(bytes), {
      seed: FORMAT_SEED,
      start: 0,
      end: bytes.length,
      kinds,
    })
    expect(await reader.next()).toMatchObject({ type: 'frame', offset: 0 })
    expect(await reader.next()).toMatchObject({ type: 'fault', reason: 'header-checksum', offset: 24 })
    reader.setSeed(seed)
    expect(await reader.next()).toMatchObject({ type: 'frame', offset: 24 })
  })

  it('refuses a start where no frame can be, a range that is none and a window of nothing', () => {
    const source = new MemorySource(Buffer.alloc(64))
    const bad = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as unknown
    for (const options of [
      { start: 4, end: 64 },
      { start: 16, end: 8 },
      { start: -8, end: 8 },
      { start: 0, end: Number.NaN },
      { start: 0, end: 64, windowBytes: 0 },
    ]) {
      expect(() => new FrameReader(source, { seed, kinds, ...options })).toThrow(bad)
    }
  })

  it('refuses a call while another is under way, and goes on after it', async () => {
    const reader = readerOf(frame('one'))
    const first = reader.next()
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(await first).toMatchObject({ type: 'frame' })
    expect(await reader.next()).toMatchObject({ type: 'end' })
  })
})

describe('memory', () => {
  it('a frame larger than the window gets one buffer of its size, and the window is used again', async () => {
    const large = encodeFrame({ kind: 1, payload: Buffer.alloc(10_000, 7) }, seed)
    const bytes = Buffer.concat([frame('before'), large, frame('behind'), frame('and on')])
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const source = new MemorySource(bytes)
    const results = await readFrames(source, { seed, start: 0, end: bytes.length, kinds, windowBytes: 64 })
    expect(results.map((result) => result.type)).toEqual(['frame', 'frame', 'frame', 'frame', 'end'])
    expect(allocate.mock.calls).toEqual([[64], [large.length]])
    expect(source.bytesRead).toBe(bytes.length)
  })

  it('a frame of exactly the size of the window needs no other buffer', async () => {
    const bytes = Buffer.concat([frame('one'), frame('two'), frame('three')])
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const source = new MemorySource(bytes, () => 20)
    await readFrames(source, { seed, start: 0, end: 72, kinds, windowBytes: 24 })
    expect(allocate.mock.calls).toEqual([[24]])
  })

  it('the window is no larger than what there is to read', async () => {
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    await readFrames(new MemorySource(frame('x')), { seed, start: 0, end: 24, kinds })
    expect(allocate.mock.calls).toEqual([[24]])
  })

  it.each([MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 0x7fffffff, 0xffffffff, 4096])(
    'a length of %i that cannot be costs nothing',
    async (length) => {
      const bytes = Buffer.concat([
        forgedFrame(seed, (header) => header.writeUInt32LE(length, 4)),
        Buffer.alloc(1000),
      ])
      const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
      const source = new MemorySource(bytes)
      const [result] = await readFrames(source, { seed, start: 0, end: bytes.length, kinds, windowBytes: 64 })
      expect(result).toMatchObject({
        reason: length > MAX_PAYLOAD_BYTES ? 'length' : 'truncated',
        headerValid: true,
      })
      expect(allocate.mock.calls).toEqual([[64]])
      expect(source.largestRequestBytes).toBeLessThanOrEqual(64)
      expect(source.reads).toBe(1)
    },
  )

  it('a length past the format costs nothing however large the source says it is', async () => {
    const bytes = forgedFrame(seed, (header) => header.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 4))
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const [result] = await readFrames(new MemorySource(bytes), {
      seed,
      start: 0,
      end: 2 ** 40,
      kinds,
      windowBytes: 64,
    })
    expect(result).toMatchObject({ reason: 'length' })
    expect(allocate.mock.calls).toEqual([[64]])
  })
})

describe('a source that is not as it should be', () => {
  it('an error passes through unchanged, is no end, and the next call reads again', async () => {
    const bytes = Buffer.concat([
      frame('one'),
      frame('two'),
      encodeFrame({ kind: 1, payload: Buffer.alloc(500) }, seed),
    ])
    const inner = new MemorySource(bytes, () => 40)
    const failure = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    let calls = 0
    const source = {
      read(into: Uint8Array, position: number): Promise<number> {
        calls++
        return calls % 2 === 0 ? Promise.reject(failure) : inner.read(into, position)
      },
    }
    const reader = new FrameReader(source, { seed, start: 0, end: bytes.length, kinds, windowBytes: 48 })
    const ends: number[] = []
    let failures = 0
    for (;;) {
      try {
        const result = await reader.next()
        if (result.type === 'end') break
        if (result.type === 'fault') throw new Error(`a fault: ${result.reason}`)
        ends.push(result.end)
      } catch (error) {
        if (error !== failure) throw error
        failures++
      }
    }
    expect(ends).toEqual([24, 48, 568])
    expect(failures).toBeGreaterThan(5)
  })

  it('an error that is thrown instead of a rejection is treated alike', async () => {
    const failure = new Error('thrown')
    const source = {
      read(): Promise<number> {
        throw failure
      },
    }
    const reader = new FrameReader(source, { seed, start: 0, end: 24, kinds })
    await expect(Promise.resolve(reader.next())).rejects.toBe(failure)
  })

  it.each([
    [24, { reason: 'truncated', headerValid: false, offset: 24 }],
    [30, { reason: 'truncated', headerValid: false, offset: 24 }],
    [40, { reason: 'truncated', headerValid: true, offset: 24, end: 48 }],
  ])('one that ends at %i, before its end, is truncated there', async (bytesThere, expected) => {
    const bytes = Buffer.concat([frame('one'), frame('two')])
    for (const windowBytes of [16, 1024]) {
      const source = new MemorySource(bytes.subarray(0, bytesThere))
      const results = await readFrames(source, { seed, start: 0, end: bytes.length, kinds, windowBytes })
      expect(results).toMatchObject([{ type: 'frame' }, { type: 'fault', ...expected }])
    }
  })

  it.each([-1, 1.5, 1000, Number.NaN])('one that claims to have read %d bytes is refused', async (count) => {
    const source = { read: (): Promise<number> => Promise.resolve(count) }
    const reader = new FrameReader(source, { seed, start: 0, end: 24, kinds })
    await expect(Promise.resolve(reader.next())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
