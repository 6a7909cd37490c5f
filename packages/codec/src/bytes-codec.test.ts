import { codecContract } from '@holdfast/testing/contracts'
import { describe, expect, it } from 'vitest'
import { bytesCodec } from './index.ts'
import { thrownBy } from './values.fixture.ts'

codecContract('bytes-1', () => ({
  codec: bytesCodec,
  values: [
    Uint8Array.of(1, 2, 3),
    new Uint8Array(0),
    new Uint8Array(100).fill(7),
    Uint8Array.of(0),
    new Uint8Array(5000).fill(255),
  ],
  refused: ['text', [1, 2], new Uint16Array(2), new ArrayBuffer(2), null] as unknown as Uint8Array[],
}))

describe('bytes', () => {
  it('are captured: the value may change afterwards', () => {
    const value = Uint8Array.of(1, 2, 3)
    const encoder = bytesCodec.encoder()
    encoder.add(value)
    value.fill(9)
    const bytes = Buffer.alloc(encoder.bytes)
    encoder.copyTo(bytes, 0)
    expect(bytes.toString('hex')).toBe('03000000010203')
    expect(bytesCodec.decode(bytes, 1)).toStrictEqual([Uint8Array.of(1, 2, 3)])
  })

  it('go in as a Buffer and come back as a plain Uint8Array of their own memory', () => {
    const encoder = bytesCodec.encoder()
    encoder.add(Buffer.from('hold'))
    const bytes = Buffer.alloc(encoder.bytes)
    encoder.copyTo(bytes, 0)
    const [value] = bytesCodec.decode(bytes, 1)
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
    expect(value?.buffer.byteLength).toBe(4)
  })

  it('do not make a decoder allocate what is not there', () => {
    const bytes = Buffer.from('ffffffff00', 'hex')
    expect(() => bytesCodec.decode(bytes, 1)).toThrow('DECODE_FAILED')
    expect(() => bytesCodec.decode(bytes, 2 ** 40)).toThrow('DECODE_FAILED')
  })

  it.each<[what: string, bytes: string, count: number, at: number, reason: string]>([
    ['a length that is cut off', '01000000ff000000', 2, 5, 'the bytes end inside a length'],
    ['a value that is cut off', '000000000200000001', 2, 4, 'a value reaches past the end'],
    ['a value too many', '0000000000000000', 1, 4, 'bytes are left behind the last value'],
    ['fewer bytes than lengths', '00000000000000', 2, 0, 'more values than bytes'],
  ])('refuse %s', (_, hex, count, at, reason) => {
    expect(thrownBy(() => bytesCodec.decode(Buffer.from(hex, 'hex'), count))).toMatchObject({
      code: 'DECODE_FAILED',
      message: expect.stringContaining(reason) as string,
      details: { at },
    })
  })

  it('refuse a value that no frame holds, before it is copied', () => {
    const encoder = bytesCodec.encoder()
    const tooLarge = new Uint8Array(256 * 1024 * 1024 + 1)
    expect(thrownBy(() => encoder.add(tooLarge))).toMatchObject({
      code: 'RECORD_TOO_LARGE',
      details: { maxBytes: 256 * 1024 * 1024 },
    })
    expect([encoder.bytes, encoder.count]).toEqual([0, 0])
  })
})
