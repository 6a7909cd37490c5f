import { describe, expect, it, vi } from 'vitest'
import { checksum } from './checksum.ts'
import { encodeFrame, knownEndOf, sealFrame } from './encode-frame.ts'
import {
  FORMAT_SEED,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  FRAME_VERSION,
  frameBytes,
  MAX_PAYLOAD_BYTES,
} from './format.ts'
import { naiveAt } from './naive.fixture.ts'

const invalidArgument = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as unknown

describe('the format', () => {
  // Made by another implementation of the same drawing. If one of these changes, the format has changed.
  const golden = [
    {
      name: 'an empty payload',
      kind: 1,
      flags: 0,
      payload: '',
      seed: 0,
      hex: '010100000000000000000000c055fe21',
    },
    {
      name: 'an empty payload under the fixed seed',
      kind: 1,
      flags: 0,
      payload: '',
      seed: FORMAT_SEED,
      hex: '0101000000000000484f4c446df3c25d',
    },
    {
      name: 'padding',
      kind: 1,
      flags: 0,
      payload: '68656c6c6f',
      seed: FORMAT_SEED,
      hex: '01010000050000004b5dc1620246154468656c6c6f000000',
    },
    {
      name: 'no padding, a flag, a seed with its top bit set',
      kind: 2,
      flags: 1,
      payload: '3132333435363738',
      seed: 0xdeadbeef,
      hex: '0102010008000000971a1d234973895f3132333435363738',
    },
    {
      name: 'every field at its largest',
      kind: 0xff,
      flags: 0xffff,
      payload: '000102030405060708090a0b0c0d0e0f10',
      seed: 0xffffffff,
      hex: '01ffffff11000000b2db812cf9539f40000102030405060708090a0b0c0d0e0f1000000000000000',
    },
  ]

  it.each(golden)('is as it always was: $name', ({ kind, flags, payload, seed, hex }) => {
    expect(encodeFrame({ kind, flags, payload: Buffer.from(payload, 'hex') }, seed).toString('hex')).toBe(hex)
  })

  it('is as it always was: a payload long enough for the native checksum', () => {
    const payload = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff))
    const frame = encodeFrame({ kind: 3, payload }, 0x80000001)
    expect(frame.toString('hex', 0, FRAME_HEADER_BYTES)).toBe('01030000e80300004716a9f092ceaf39')
    expect(frame.subarray(FRAME_HEADER_BYTES).equals(payload)).toBe(true)
  })

  it('has these constants', () => {
    expect({ FRAME_VERSION, FRAME_HEADER_BYTES, FRAME_ALIGNMENT, MAX_PAYLOAD_BYTES, FORMAT_SEED }).toEqual({
      FRAME_VERSION: 1,
      FRAME_HEADER_BYTES: 16,
      FRAME_ALIGNMENT: 8,
      MAX_PAYLOAD_BYTES: 268_435_456,
      FORMAT_SEED: 0x444c4f48,
    })
  })

  it.each([
    [0, 16],
    [1, 24],
    [7, 24],
    [8, 24],
    [9, 32],
    [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 16],
  ])('takes a payload of %i bytes %i', (payloadBytes, bytes) => {
    expect(frameBytes(payloadBytes)).toBe(bytes)
  })
})

describe('encodeFrame', () => {
  it('copies the payload', () => {
    const payload = Buffer.from('before')
    const frame = encodeFrame({ kind: 1, payload }, 7)
    payload.fill(0)
    expect(frame.toString('utf8', 16, 22)).toBe('before')
  })

  it.each([{ kind: -1 }, { kind: 256 }, { kind: 1.5 }, { kind: 1, flags: -1 }, { kind: 1, flags: 0x10000 }])(
    'refuses %o',
    (fields) => {
      expect(() => encodeFrame({ ...fields, payload: Buffer.alloc(0) }, 0)).toThrow(invalidArgument)
    },
  )

  it.each([-1, 2 ** 32, 0.5, Number.NaN])('refuses the seed %d', (seed) => {
    expect(() => encodeFrame({ kind: 1, payload: Buffer.alloc(0) }, seed)).toThrow(invalidArgument)
  })

  it('refuses a payload that no reader would accept, before it allocates', () => {
    const allocate = vi.spyOn(Buffer, 'allocUnsafe').mockImplementation(() => {
      throw new Error('no memory')
    })
    const ofLength = (length: number) => () => encodeFrame({ kind: 1, payload: { length } as Uint8Array }, 0)
    expect(ofLength(MAX_PAYLOAD_BYTES + 1)).toThrow(invalidArgument)
    expect(ofLength(MAX_PAYLOAD_BYTES)).toThrow('no memory')
    allocate.mockRestore()
  })
})

describe('sealFrame', () => {
  it('makes the same frame in place, and touches nothing beside it', () => {
    const payload = Buffer.from('in place')
    for (const payloadBytes of [0, 1, 7, 8]) {
      const buffer = Buffer.alloc(64, 0xee)
      payload.copy(buffer, 8 + FRAME_HEADER_BYTES, 0, payloadBytes)
      const sealed = sealFrame(buffer, 8, 3, 5, payloadBytes, 0x12345678)
      const expected = encodeFrame(
        { kind: 3, flags: 5, payload: payload.subarray(0, payloadBytes) },
        0x12345678,
      )
      expect(buffer.subarray(8, sealed.end).equals(expected)).toBe(true)
      expect(sealed.headerChecksum).toBe(expected.readUInt32LE(12))
      expect(sealed.end).toBe(8 + frameBytes(payloadBytes))
      expect(buffer.subarray(0, 8).every((byte) => byte === 0xee)).toBe(true)
      expect(buffer.subarray(sealed.end).every((byte) => byte === 0xee)).toBe(true)
    }
  })

  it('makes the same frame where the end of the payload is known', () => {
    const payload = Buffer.from('what is known only when it is sealed, and what was known before')
    const expected = encodeFrame({ kind: 3, payload }, 77)
    for (let front = 0; front <= payload.length; front++) {
      const buffer = Buffer.alloc(expected.length, 0xee)
      payload.copy(buffer, FRAME_HEADER_BYTES)
      const known = knownEndOf(payload.subarray(front))
      expect(known).toEqual({ bytes: payload.length - front, checksum: checksum(payload.subarray(front), 0) })
      const { headerChecksum } = sealFrame(buffer, 0, 3, 0, payload.length, 77, known)
      expect(buffer.equals(expected)).toBe(true)
      expect(headerChecksum).toBe(expected.readUInt32LE(12))
    }
  })

  it.each([9, -1, Number.NaN])('refuses a known end of %d bytes in a payload of 8', (bytes) => {
    const buffer = Buffer.alloc(24)
    expect(() => sealFrame(buffer, 0, 1, 0, 8, 0, { bytes, checksum: 0 })).toThrow(invalidArgument)
  })

  it('may stand right behind another frame', () => {
    const buffer = Buffer.alloc(frameBytes(3) + frameBytes(4), 0x55)
    const first = sealFrame(buffer, 0, 1, 0, 3, 9)
    const second = sealFrame(buffer, first.end, 2, 0, 4, 9)
    expect(second.end).toBe(buffer.length)
    const rules = { seed: 9, kinds: new Set([1, 2]) }
    expect(naiveAt(buffer, 0, rules)).toMatchObject({ type: 'frame', kind: 1, end: first.end })
    expect(naiveAt(buffer, first.end, rules)).toMatchObject({ type: 'frame', kind: 2, payload: '55555555' })
  })

  it.each([
    [0, 9],
    [8, 1],
    [-8, 0],
    [0.5, 0],
    [32, 0],
    [0, -1],
    [0, 0.5],
  ])('refuses a start of %d with a payload of %d in 24 bytes', (start, payloadBytes) => {
    expect(() => sealFrame(Buffer.alloc(24), start, 1, 0, payloadBytes, 0)).toThrow(invalidArgument)
  })

  it('refuses a payload past the format, whatever the buffer', () => {
    const buffer = { length: 2 ** 31 } as Buffer
    expect(() => sealFrame(buffer, 0, 1, 0, MAX_PAYLOAD_BYTES + 1, 0)).toThrow(invalidArgument)
  })
})
