import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameDigest } from './frame-digest.ts'
import { StateDigest } from './state-digest.ts'

describe('FrameDigest', () => {
  it('of nothing is 0', () => {
    expect(new FrameDigest().value).toBe(0)
  })

  it('is as it always was', () => {
    const digest = new FrameDigest()
    const values = [1, 0xffffffff, 0xcbf43926].map((checksum) => {
      digest.add(checksum)
      return digest.value
    })
    expect(values).toEqual([0x99f8b879, 0x7733ff14, 0xa828bbea])
  })

  it('is the CRC-32 of the checksums in a row', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffffffff })), (checksums) => {
        const digest = new FrameDigest()
        for (const checksum of checksums) digest.add(checksum)
        expect(digest.value).toBe(crc32(Buffer.from(Uint32Array.from(checksums).buffer)))
      }),
    )
  })

  it('goes on from a value, and apart from its clone', () => {
    const digest = new FrameDigest()
    digest.add(1)
    const clone = digest.clone()
    const resumed = new FrameDigest(digest.value)
    digest.add(2)
    resumed.add(2)
    clone.add(3)
    expect(resumed.value).toBe(digest.value)
    expect(clone.value).not.toBe(digest.value)
  })
})

describe('StateDigest', () => {
  it('is SHA-256, however the content is cut', () => {
    const digest = new StateDigest()
    for (const part of ['', 'a', 'bc']) digest.update(Buffer.from(part))
    expect(digest.finish()).toBe(createHash('sha256').update('abc').digest('hex'))
    expect(new StateDigest().finish()).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    )
  })
})
