import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'

const invalidArgument = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as unknown
const decodeFailed = expect.objectContaining({ code: 'DECODE_FAILED' }) as unknown

type Field =
  | { type: 'u8' | 'u16' | 'u32' | 'u64'; value: number }
  | { type: 'bytes'; value: Uint8Array }
  | { type: 'string'; value: string }

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat({ max: 0xff }) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat({ max: 0xffff }) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.nat({ max: 0xffffffff }) }),
  fc.record({ type: fc.constant('u64' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 30 }) }),
  fc.record({ type: fc.constant('string' as const), value: fc.string({ unit: 'binary' }) }),
)

function write(writer: ByteWriter, each: Field): void {
  if (each.type === 'bytes') writer.bytes(each.value)
  else if (each.type === 'string') writer.string(each.value)
  else writer[each.type](each.value)
}

function read(reader: ByteReader, each: Field): unknown {
  if (each.type === 'bytes') return new Uint8Array(reader.bytes(each.value.length))
  return reader[each.type]()
}

describe('ByteWriter and ByteReader', () => {
  it('bring back what was written, and use all of it', () => {
    fc.assert(
      fc.property(fc.array(field), fc.nat({ max: 20 }), (fields, start) => {
        const writer = new ByteWriter(Buffer.alloc(20_000), start)
        for (const each of fields) write(writer, each)
        const written = writer.written()
        expect(writer.position).toBe(start + written.length)
        const reader = new ByteReader(written)
        for (const each of fields) expect(read(reader, each)).toEqual(each.value)
        reader.done()
      }),
    )
  })

  it('throw before they pass the end of what was cut short, wherever it was cut', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 6 }), fc.nat(), (fields, cut) => {
        const writer = new ByteWriter(Buffer.alloc(2000))
        for (const each of fields) write(writer, each)
        const written = writer.written()
        fc.pre(written.length > 0)
        const length = cut % written.length
        const reader = new ByteReader(written, 0, length)
        expect(() => {
          for (const each of fields) read(reader, each)
        }).toThrow(decodeFailed)
        const shorter = new ByteWriter(Buffer.alloc(length))
        expect(() => {
          for (const each of fields) write(shorter, each)
        }).toThrow(invalidArgument)
        expect(shorter.written().equals(written.subarray(0, shorter.position))).toBe(true)
      }),
    )
  })

  it('are little-endian', () => {
    const writer = new ByteWriter(Buffer.alloc(64))
    writer.u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e).string('é').bytes(Buffer.of(0xff))
    expect(writer.written().toString('hex')).toBe(
      '01' + '0302' + '07060504' + '0e0d0c0b0a090800' + '0200c3a9' + 'ff',
    )
    expect(writer.remaining).toBe(44)
  })
})

describe('ByteWriter', () => {
  it.each([
    ['u8', 256],
    ['u16', 65_536],
    ['u32', 2 ** 32],
    ['u64', 2 ** 53],
    ['u8', -1],
    ['u16', 0.5],
    ['u32', Number.NaN],
    ['u64', -1],
  ] as const)('refuses a %s of %d', (type, value) => {
    const writer = new ByteWriter(Buffer.alloc(16))
    expect(() => writer[type](value)).toThrow(invalidArgument)
    expect(writer.position).toBe(0)
  })

  it('refuses text that is too long for its length, or that has no UTF-8', () => {
    const writer = new ByteWriter(Buffer.alloc(70_000))
    expect(() => writer.string('x'.repeat(65_536))).toThrow(invalidArgument)
    expect(() => writer.string('é'.repeat(32_768))).toThrow(invalidArgument)
    expect(() => writer.string('a\ud800b')).toThrow(invalidArgument)
    expect(writer.string('x'.repeat(65_535)).position).toBe(65_537)
  })

  it('refuses to begin outside its buffer', () => {
    for (const start of [-1, 5, 0.5])
      expect(() => new ByteWriter(Buffer.alloc(4), start)).toThrow(invalidArgument)
    expect(new ByteWriter(Buffer.alloc(4), 4).remaining).toBe(0)
  })

  it('writes to the last byte of its buffer', () => {
    expect(new ByteWriter(Buffer.alloc(4)).u32(7).remaining).toBe(0)
  })
})

describe('ByteReader', () => {
  it('refuses a u64 that is no safe integer', () => {
    const bytes = Buffer.alloc(8, 0xff)
    expect(() => new ByteReader(bytes).u64()).toThrow(decodeFailed)
    bytes.writeBigUInt64LE(2n ** 53n)
    expect(() => new ByteReader(bytes).u64()).toThrow(decodeFailed)
    bytes.writeBigUInt64LE(2n ** 53n - 1n)
    expect(new ByteReader(bytes).u64()).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('refuses text that is not UTF-8, and keeps a byte-order mark', () => {
    expect(() => new ByteReader(Buffer.of(2, 0, 0xc3, 0x28)).string()).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', cause: expect.any(TypeError) as unknown }) as Error,
    )
    expect(() => new ByteReader(Buffer.of(3, 0, 0xed, 0xa0, 0x80)).string()).toThrow(decodeFailed)
    expect(new ByteReader(Buffer.of(4, 0, 0xef, 0xbb, 0xbf, 0x61)).string()).toBe('\ufeffa')
  })

  it('refuses to read nonsense, and to be done early', () => {
    const reader = new ByteReader(Buffer.alloc(4))
    for (const count of [-1, 5, Number.NaN]) expect(() => reader.bytes(count)).toThrow(decodeFailed)
    expect(() => reader.done()).toThrow(decodeFailed)
    expect(reader.rest()).toHaveLength(4)
    expect(reader.remaining).toBe(0)
    reader.done()
  })

  it('reads any bytes, and returns views of them', () => {
    const bytes = new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)
    const view = new ByteReader(bytes, 1).bytes(2)
    expect([...view]).toEqual([2, 3])
    bytes[1] = 7
    expect([...view]).toEqual([7, 3])
  })

  it('refuses a range that is not in the bytes', () => {
    for (const [start, end] of [
      [-1, 2],
      [2, 1],
      [0, 5],
      [0, 0.5],
      [0.5, 2],
    ] as const) {
      expect(() => new ByteReader(Buffer.alloc(4), start, end)).toThrow(invalidArgument)
    }
  })
})
