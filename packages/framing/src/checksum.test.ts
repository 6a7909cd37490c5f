import { crc32 as nativeCrc32 } from 'node:zlib'
import crc32 from 'crc-32'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checksum,
  combineChecksums,
  headerChecksumAt,
  NATIVE_CHECKSUM_FROM_BYTES,
  payloadChecksum,
} from './checksum.ts'

const seed = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat({ max: 0xffffffff }))

describe('checksum', () => {
  it('is the CRC-32 that everyone else computes', () => {
    expect(checksum(Buffer.from('123456789'), 0)).toBe(0xcbf43926)
    expect(checksum(Buffer.from('The quick brown fox jumps over the lazy dog'), 0)).toBe(0x414fa339)
    expect(checksum(Buffer.alloc(32), 0)).toBe(0x190a55ad)
    expect(checksum(Buffer.alloc(0), 0xdeadbeef)).toBe(0xdeadbeef)
  })

  it('is the same from crc-32 and from zlib, whatever the length and the seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2 * NATIVE_CHECKSUM_FROM_BYTES }), seed, (bytes, from) => {
        const native = nativeCrc32(bytes, from)
        expect(crc32.buf(bytes, from) >>> 0).toBe(native)
        expect(checksum(bytes, from)).toBe(native)
      }),
    )
  })

  it.each([-1, 0, 1])('is the same %i bytes from where the native one takes over', (distance) => {
    const bytes = Buffer.alloc(NATIVE_CHECKSUM_FROM_BYTES + distance, 0xa5)
    expect(checksum(bytes, 0xfedcba98)).toBe(nativeCrc32(bytes, 0xfedcba98))
  })

  it('can be taken of a payload and zeros that are not there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat({ max: 7 }), seed, (payload, padding, from) => {
        const whole = Buffer.concat([payload, Buffer.alloc(padding)])
        expect(payloadChecksum(payload, padding, from)).toBe(nativeCrc32(whole, from))
      }),
    )
  })

  it('can be taken of a header where it stands', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 40 }), seed, (bytes, from) => {
        const at = bytes.length - 12
        expect(headerChecksumAt(bytes, at, from)).toBe(nativeCrc32(bytes.subarray(at), from))
      }),
    )
  })

  it('of two parts is that of both in a row, however long they are', () => {
    const lengths = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 5_000_000 }))
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        lengths,
        fc.nat({ max: 255 }),
        seed,
        (one, bytes, fill, from) => {
          const other = Buffer.alloc(bytes, fill)
          const parts = combineChecksums(checksum(one, from), checksum(other, 0), bytes)
          expect(parts).toBe(nativeCrc32(other, nativeCrc32(one, from)))
        },
      ),
    )
  })

  it('of two parts is right where the second is as long as a payload may be', () => {
    const first = nativeCrc32(Buffer.from('x'), 7)
    const zeros = Buffer.alloc(2 ** 26)
    const all = [zeros, zeros, zeros, zeros].reduce((sum, part) => nativeCrc32(part, sum), first)
    const alone = [zeros, zeros, zeros, zeros].reduce((sum, part) => nativeCrc32(part, sum), 0)
    expect(combineChecksums(first, alone, 2 ** 28)).toBe(all)
  })

  it('differs between any two seeds, so that a frame is valid under one seed only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), seed, seed, (bytes, one, other) => {
        fc.pre(one !== other)
        expect(checksum(bytes, one)).not.toBe(checksum(bytes, other))
      }),
    )
  })
})
