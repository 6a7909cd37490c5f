import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { encodeFrame } from './encode-frame.ts'
import { forgedFrame } from './forge-frame.fixture.ts'
import { MAX_PAYLOAD_BYTES } from './format.ts'
import { FrameReader } from './frame-reader.ts'
import { MemorySource } from './memory-source.fixture.ts'
import { readFrames } from './read-frames.fixture.ts'

const seed = 0x9e3779b9
const kinds = new Set([1, 2])

function frame(text: string, kind = 1, flags = 0): Buffer {
  return encodeFrame({ kind, flags, payload: Buffer.from(text) }, seed)
}

function forged(change: (header: Buffer) => void): Buffer {
  return forgedFrame(seed, change)
}

function readerOf(bytes: Buffer, more: { flags?: number } = {}): FrameReader {
  return new FrameReader(new MemorySource(bytes), { seed, start: 0, end: bytes.length, kinds, ...more })
}

describe('what is not a frame', () => {
  const sound = { headerValid: true, offset: 0 }
  const unsound = { headerValid: false, offset: 0 }

  it.each([
    ['sixteen zeros', Buffer.alloc(16), { reason: 'zeros', ...unsound }],
    [
      'zeros with something behind them',
      Buffer.concat([Buffer.alloc(16), frame('x')]),
      { reason: 'zeros', ...unsound },
    ],
    ['fewer bytes than a header', frame('x').subarray(0, 15), { reason: 'truncated', ...unsound }],
    ['a few zeros', Buffer.alloc(5), { reason: 'truncated', ...unsound }],
    ['a header without its payload', frame('x').subarray(0, 16), { reason: 'truncated', ...sound, end: 24 }],
    ['a frame without its padding', frame('x').subarray(0, 17), { reason: 'truncated', ...sound, end: 24 }],
    ['bytes of anything', Buffer.from('not a frame at all'), { reason: 'header-checksum', ...unsound }],
    [
      'version 0 in a damaged header',
      Buffer.concat([Buffer.alloc(15), Buffer.alloc(9, 1)]),
      { reason: 'header-checksum', ...unsound },
    ],
    [
      'version 0 under a right checksum',
      forged((h) => h.writeUInt8(0, 0)),
      { reason: 'version', ...unsound },
    ],
    ['a later version', forged((h) => h.writeUInt8(2, 0)), { reason: 'version', ...sound, newerVersion: 2 }],
    [
      'the last version',
      forged((h) => h.writeUInt8(255, 0)),
      { reason: 'version', ...sound, newerVersion: 255 },
    ],
    [
      'a length past the format',
      forged((h) => h.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 4)),
      { reason: 'length', ...sound },
    ],
    [
      'a length past the source',
      forged((h) => h.writeUInt32LE(9, 4)),
      { reason: 'truncated', ...sound, end: 32 },
    ],
    [
      'padding that is not zero',
      forged((h) => h.writeUInt32LE(7, 4)),
      { reason: 'padding', ...sound, end: 24 },
    ],
    ['an unknown flag', forged((h) => h.writeUInt16LE(1, 2)), { reason: 'flags', ...sound, end: 24 }],
    ['an unknown kind', forged((h) => h.writeUInt8(3, 1)), { reason: 'kind', ...sound, end: 24 }],
    [
      'an unknown flag in a kind to skip',
      forged((h) => h.writeUInt16LE(0x80ff, 1)),
      { reason: 'flags', ...sound, end: 24 },
    ],
  ])('%s', async (_, bytes, expected) => {
    const reader = readerOf(bytes)
    expect(await reader.next()).toStrictEqual({ type: 'fault', ...expected })
    expect(await reader.next()).toStrictEqual({ type: 'fault', ...expected })
  })

  it('a damaged payload or padding, with the end that the header promises', async () => {
    for (const at of [16, 18, 19, 23]) {
      const bytes = Buffer.concat([frame('one'), frame('two')])
      bytes[at] = (bytes[at] as number) ^ 0x10
      const expected = { type: 'fault', reason: 'payload-checksum', offset: 0, headerValid: true, end: 24 }
      expect(await readerOf(bytes).next()).toEqual(expected)
    }
  })

  it('is torn before it is unknown: a damaged frame of an unknown kind', async () => {
    const bytes = forged((header) => header.writeUInt8(3, 1))
    bytes[20] = 0
    expect(await readerOf(bytes).next()).toMatchObject({ reason: 'payload-checksum' })
  })

  // The last of these is the one seed under which twelve zeros have the checksum zero.
  it.each([0, 1, 0xffffffff, 0x59a3c794])('zeros under the seed %i', async (zeroSeed) => {
    const source = new MemorySource(Buffer.alloc(64))
    const results = await readFrames(source, { seed: zeroSeed, start: 0, end: 64, kinds: new Set([0]) })
    expect(results).toEqual([{ type: 'fault', reason: 'zeros', ...unsound }])
  })

  it('zeros, though their checksum is right', () => {
    expect(crc32(Buffer.alloc(12), 0x59a3c794)).toBe(0)
  })
})

describe('what a newer writer may add', () => {
  it('is stepped over when its kind says so', async () => {
    const bytes = Buffer.concat([frame('one'), frame('from later', 0x80), frame('two')])
    const results = await readFrames(new MemorySource(bytes), { seed, start: 0, end: bytes.length, kinds })
    expect(results.map((result) => result.type === 'frame' && [result.kind, result.skip])).toEqual([
      [1, false],
      [0x80, true],
      [1, false],
      false,
    ])
  })

  it('is a frame like any other to a reader that knows the kind', async () => {
    const reader = new FrameReader(new MemorySource(frame('x', 0x80)), {
      seed,
      start: 0,
      end: 24,
      kinds: new Set([0x80]),
    })
    expect(await reader.next()).toMatchObject({ type: 'frame', kind: 0x80, skip: false })
  })

  it('may have the flags that the reader was told of', async () => {
    expect(await readerOf(frame('x', 1, 0b101), { flags: 0b111 }).next()).toMatchObject({
      type: 'frame',
      flags: 0b101,
    })
    expect(await readerOf(frame('x', 1, 0b1001), { flags: 0b111 }).next()).toMatchObject({ reason: 'flags' })
  })
})
