import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame } from './encode-frame.ts'
import { FRAME_HEADER_BYTES } from './format.ts'
import { MemorySource } from './memory-source.fixture.ts'
import { mutateFrames, pseudoRandom } from './mutate-frames.fixture.ts'
import { naiveRead } from './naive.fixture.ts'
import { readFrames } from './read-frames.fixture.ts'

const u32 = fc.oneof(fc.constantFrom(0, 0x80000000, 0xffffffff), fc.nat({ max: 0xffffffff }))
const content = fc.record({
  kind: fc.nat({ max: 255 }),
  flags: fc.nat({ max: 0xffff }),
  payload: fc.oneof(
    { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 200, maxLength: 700 }) },
  ),
})
const windowBytes = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 64, max: 2048 }))
/** How much each read returns at most, over and over. */
const shortReads = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 })
const everyKind = new Set(Array.from({ length: 256 }, (_, kind) => kind))
const everyFlag = 0xffff

function source(bytes: Buffer, lengths: number[]): MemorySource {
  let reads = 0
  return new MemorySource(bytes, () => lengths[reads++ % lengths.length] as number)
}

/** A small file: every padding, an empty payload, one past the native checksum's threshold, kinds to skip. */
const seed = 0xc0ffee11
const smallFile: Buffer = Buffer.concat(
  [
    { kind: 1, payload: Buffer.from('header') },
    { kind: 2, payload: Buffer.alloc(0) },
    { kind: 2, flags: 1, payload: Buffer.from('exactly8') },
    { kind: 0x81, payload: Buffer.from('skip me') },
    { kind: 2, payload: Buffer.alloc(261, 0xab) },
    { kind: 3, payload: Buffer.from('the end') },
  ].map((frame) => encodeFrame(frame, seed)),
)
const rules = { seed, kinds: new Set([1, 2, 3]), flags: 1 }
const intact = naiveRead(smallFile, rules)

function readAll(bytes: Buffer, window = 1024 * 1024): Promise<ReturnType<typeof naiveRead>> {
  return readFrames(new MemorySource(bytes), {
    ...rules,
    start: 0,
    end: bytes.length,
    windowBytes: window,
  })
}

describe('every sequence of frames', () => {
  it('comes back as it was, through any window and any short reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { maxLength: 12 }),
        u32,
        windowBytes,
        shortReads,
        async (contents, s, w, r) => {
          const bytes = Buffer.concat(contents.map((each) => encodeFrame(each, s)))
          const options = {
            seed: s,
            start: 0,
            end: bytes.length,
            kinds: everyKind,
            flags: everyFlag,
            windowBytes: w,
          }
          const results = await readFrames(source(bytes, r), options)
          expect(results.pop()).toEqual({ type: 'end', offset: bytes.length })
          expect(
            results.map((result) => result.type === 'frame' && [result.kind, result.flags, result.payload]),
          ).toEqual(
            contents.map((each) => [each.kind, each.flags, Buffer.from(each.payload).toString('hex')]),
          )
        },
      ),
    )
  })

  it('holds no frame under any other seed', async () => {
    await fc.assert(
      fc.asyncProperty(content, u32, u32, async (each, written, read) => {
        fc.pre(written !== read)
        const bytes = encodeFrame(each, written)
        const options = { seed: read, start: 0, end: bytes.length, kinds: everyKind, flags: everyFlag }
        expect(await readFrames(new MemorySource(bytes), options)).toMatchObject([
          { type: 'fault', reason: 'header-checksum', headerValid: false },
        ])
      }),
    )
  })
})

describe('a file of frames', () => {
  it('is what this test takes it for', () => {
    expect(intact.map((result) => (result.type === 'frame' ? result.kind : result.type))).toEqual([
      1,
      2,
      2,
      0x81,
      2,
      3,
      'end',
    ])
  })

  it('with any single bit flipped is whole up to the frame with that bit, and no further', async () => {
    for (let bit = 0; bit < smallFile.length * 8; bit++) {
      const at = bit >> 3
      const damaged = Buffer.from(smallFile)
      damaged[at] = (damaged[at] as number) ^ (1 << (bit & 7))
      const hit = intact.findIndex((result) => result.type === 'frame' && at < result.end)
      const frame = intact[hit] as { offset: number; end: number }
      const inHeader = at < frame.offset + FRAME_HEADER_BYTES
      const expected = inHeader
        ? { type: 'fault', reason: 'header-checksum', offset: frame.offset, headerValid: false }
        : {
            type: 'fault',
            reason: 'payload-checksum',
            offset: frame.offset,
            headerValid: true,
            end: frame.end,
          }
      expect(await readAll(damaged)).toEqual([...intact.slice(0, hit), expected])
    }
  })

  it('cut at any length is whole up to the cut, which is an end only where a frame ends', async () => {
    for (let length = 0; length < smallFile.length; length++) {
      const whole = intact.filter((result) => result.type === 'frame' && result.end <= length)
      const offset = (whole.at(-1) as { end: number } | undefined)?.end ?? 0
      const results = await readAll(smallFile.subarray(0, length), 48)
      expect(results.slice(0, -1)).toEqual(whole)
      expect(results.at(-1)).toMatchObject(
        length === offset
          ? { type: 'end', offset }
          : {
              type: 'fault',
              reason: 'truncated',
              offset,
              headerValid: length >= offset + FRAME_HEADER_BYTES,
            },
      )
    }
  })

  it('with zeros from any byte on is whole up to there, and zeros are no frame', async () => {
    for (let from = 0; from < smallFile.length; from++) {
      const torn = Buffer.concat([smallFile.subarray(0, from), Buffer.alloc(smallFile.length - from)])
      const results = await readAll(torn)
      expect(results).toEqual(naiveRead(torn, rules))
      const last = results.at(-1) as { offset: number }
      // Zeros cut off the end of a frame only where it held zeros anyway.
      expect(torn.subarray(0, last.offset).equals(smallFile.subarray(0, last.offset))).toBe(true)
    }
  })

  it('mutated in any way reads as the plain reading of the format says', async () => {
    for (let round = 0; round < 2000; round++) {
      const random = pseudoRandom(round)
      const mutated = mutateFrames(smallFile, seed, random)
      const window = 1 + random(200)
      const lengths = [1 + random(100), 1 + random(1000)]
      const options = { ...rules, start: 0, end: mutated.length, windowBytes: window }
      const results = await readFrames(source(mutated, lengths), options)
      expect(results, `round ${round}`).toEqual(naiveRead(mutated, rules))
    }
  })
})
