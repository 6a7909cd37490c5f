import { isHoldfastError } from '@holdfast/environment'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeOutcomes, encodeOutcomes, type RecordedOutcomes } from './outcomes.ts'

const outcomes: fc.Arbitrary<RecordedOutcomes> = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1000 })),
    fc.integer({ min: 0, max: 999 }),
    fc.uniqueArray(fc.integer({ min: 0, max: 999 })),
  )
  .map(([from, others, refused]) => ({
    from,
    through: from + others,
    refused: refused
      .filter((offset) => offset <= others)
      .map((offset) => from + offset)
      .sort((a, b) => a - b),
  }))

describe('recorded outcomes', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(outcomes, (value) => {
        expect(decodeOutcomes(encodeOutcomes(value))).toEqual(value)
      }),
    )
  })

  it('take a few bytes where all were accepted, and one for each refusal in a run', () => {
    expect(encodeOutcomes({ from: 1000, through: 1099, refused: [] }).length).toBe(5)
    const refused = Array.from({ length: 50 }, (_, i) => 1010 + i)
    expect(encodeOutcomes({ from: 1000, through: 1099, refused }).length).toBe(55)
  })

  it('are these bytes: part of the format', () => {
    expect(
      Buffer.from(encodeOutcomes({ from: 300, through: 310, refused: [300, 301, 305] })).toString('hex'),
    ).toBe('01ac020a03000003')
  })

  it('are absent from an empty note', () => {
    expect(decodeOutcomes(new Uint8Array(0))).toBeUndefined()
  })

  it('of a newer version are refused as such', () => {
    expect(() => decodeOutcomes(Uint8Array.of(2, 1, 0, 0))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_FORMAT' }),
    )
  })

  it('of any bytes are outcomes that encode to the same bytes, or DECODE_FAILED: never a list that the note cannot hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (tail) => {
        const note = Uint8Array.of(1, ...tail)
        let again: Uint8Array = note
        try {
          again = encodeOutcomes(decodeOutcomes(note) as RecordedOutcomes)
        } catch (error) {
          if (!isHoldfastError(error, 'DECODE_FAILED')) throw error
        }
        expect(Buffer.from(again)).toEqual(Buffer.from(note))
      }),
      { numRuns: 2000 },
    )
  })

  it('with a hostile count allocate nothing for it', () => {
    // 2^40 refusals, in a note of ten bytes
    const note = Uint8Array.of(
      1,
      1,
      0xff,
      0xff,
      0xff,
      0xff,
      0xff,
      0x7f,
      0x80,
      0x80,
      0x80,
      0x80,
      0x80,
      0x20,
      0,
    )
    expect(() => decodeOutcomes(note)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })
})
