import type { Codec, FrameEncoder } from '@holdfast/codec'
import { beforeEach, describe, expect, it } from 'vitest'
import { SeededRandom } from '../seeded-random.ts'

/** A codec to be tested, and values to test it with. */
export interface CodecUnderTest<T> {
  readonly codec: Codec<T>
  /** Values that it takes, at least four, each unlike the others. */
  readonly values: readonly T[]
  /** Values that it refuses, before anything of them is encoded. */
  readonly refused: readonly T[]
}

/** What every `Codec` must do. Which values it takes, and exactly how they come back, is tested beside each. */
export function codecContract<T>(name: string, makeCodec: () => CodecUnderTest<T>): void {
  describe(`Codec contract: ${name}`, () => {
    let codec: Codec<T>
    let values: readonly T[]
    let refused: readonly T[]
    let encoder: FrameEncoder<T>

    beforeEach(() => {
      ;({ codec, values, refused } = makeCodec())
      encoder = codec.encoder()
    })

    function encoded(some: readonly T[]): Buffer {
      const own = codec.encoder()
      for (const value of some) own.add(value)
      return bytesOf(own)
    }

    function addAll(some: readonly T[]): void {
      for (const value of some) encoder.add(value)
    }

    /** How many values came out, or the code of the error. */
    function outcomeOf(bytes: Buffer, count: number): unknown {
      try {
        return codec.decode(bytes, count).length
      } catch (error) {
        return (error as { code?: unknown }).code ?? error
      }
    }

    /** Whatever was done to the encoder: exactly these values are in it, and nothing else. */
    function expectContent(expected: readonly T[]): void {
      expect(encoder.count).toBe(expected.length)
      const bytes = bytesOf(encoder)
      expect(bytes.equals(encoded(expected))).toBe(true)
      expect(codec.decode(bytes, expected.length)).toStrictEqual([...expected])
    }

    it('has an id', () => {
      expect(codec.id).toMatch(/^[a-z][a-z0-9-]*-[1-9][0-9]*$/)
      expect(makeCodec().codec.id).toBe(codec.id)
    })

    it('has nothing in it at first', () => {
      expect({ count: encoder.count, bytes: encoder.bytes }).toEqual({ count: 0, bytes: 0 })
      expect(encoder.copyTo(Buffer.alloc(0), 0)).toBe(0)
      expect(codec.decode(Buffer.alloc(0), 0)).toEqual([])
    })

    it('gives back what was added one by one, and says what each took', () => {
      let bytes = 0
      for (const [index, value] of values.entries()) {
        bytes += encoder.add(value)
        expect({ count: encoder.count, bytes: encoder.bytes }).toEqual({ count: index + 1, bytes })
      }
      expect(codec.decode(bytesOf(encoder), values.length)).toStrictEqual([...values])
    })

    it('gives back the same values many times over', () => {
      const many = Array.from({ length: 300 }, (_, index) => values[index % values.length] as T)
      addAll(many)
      expectContent(many)
    })

    it('copies to where it is told, as often as it is told, and goes on', () => {
      encoder.add(values[0] as T)
      const target = Buffer.alloc(encoder.bytes + 12, 0xaa)
      for (const offset of [5, 7]) {
        target.fill(0xaa)
        expect(encoder.copyTo(target, offset)).toBe(encoder.bytes)
        expect(target.subarray(0, offset).every((byte) => byte === 0xaa)).toBe(true)
        expect(target.subarray(offset + encoder.bytes).every((byte) => byte === 0xaa)).toBe(true)
        expect(codec.decode(target.subarray(offset, offset + encoder.bytes), 1)).toStrictEqual([values[0]])
      }
      encoder.add(values[1] as T)
      expectContent(values.slice(0, 2))
    })

    it('refuses a target that is too small, and writes nothing to it', () => {
      addAll(values)
      const target = Buffer.alloc(encoder.bytes + 4)
      for (const offset of [5, -1, 0.5, Number.NaN]) {
        expect(() => encoder.copyTo(target, offset)).toThrow(withCode('INVALID_ARGUMENT'))
      }
      expect(target.every((byte) => byte === 0)).toBe(true)
      expectContent(values)
    })

    it('keeps encoders apart', () => {
      const other = codec.encoder()
      for (const value of values) {
        encoder.add(value)
        other.add(value)
        other.add(value)
      }
      expectContent(values)
      expect(codec.decode(bytesOf(other), other.count)).toStrictEqual(
        values.flatMap((value) => [value, value]),
      )
    })

    it('reads each frame by itself, in any order, as often as wanted', () => {
      const frames = values.map((value) => encoded([value, value]))
      for (const at of [...frames.keys(), ...[...frames.keys()].reverse()]) {
        expect(codec.decode(frames[at] as Buffer, 2)).toStrictEqual([values[at], values[at]])
      }
    })

    it('reads a plain Uint8Array, and one in the middle of a larger memory', () => {
      const bytes = encoded(values)
      const memory = new Uint8Array(bytes.length + 9).fill(0xc1)
      memory.set(bytes, 3)
      expect(codec.decode(memory.subarray(3, 3 + bytes.length), values.length)).toStrictEqual([...values])
      expect(codec.decode(Uint8Array.from(bytes), values.length)).toStrictEqual([...values])
    })

    it('shares no memory between what it decoded and the bytes', () => {
      const bytes = encoded(values)
      const decoded = codec.decode(bytes, values.length)
      bytes.fill(0xff)
      expect(decoded).toStrictEqual([...values])
    })

    it('refuses values at the call, with their path, and takes nothing of them', () => {
      encoder.add(values[0] as T)
      for (const value of refused) {
        expect(() => encoder.add(value)).toThrow(withCode('NOT_SERIALIZABLE'))
        expect(thrownBy(() => encoder.add(value)).details).toMatchObject({
          at: expect.stringMatching(/^\$/) as string,
          reason: expect.any(String) as string,
        })
      }
      encoder.add(values[1] as T)
      expectContent(values.slice(0, 2))
    })

    it('gives back what it took since it was marked, one value or many, and goes on', () => {
      encoder.add(values[0] as T)
      encoder.mark()
      for (const count of values.keys()) {
        addAll(values.slice(1, 1 + count))
        for (let times = 0; times < 3; times += 1) {
          encoder.rollback()
          expectContent(values.slice(0, 1))
        }
      }
      for (const value of values.slice(1)) {
        encoder.mark()
        encoder.add(value)
        encoder.rollback()
        encoder.add(value)
      }
      expectContent(values)
    })

    it('gives nothing back twice, whatever it refused in between', () => {
      addAll(values)
      encoder.mark()
      encoder.add(values[0] as T)
      for (const value of refused) expect(() => encoder.add(value)).toThrow(withCode('NOT_SERIALIZABLE'))
      encoder.rollback()
      expectContent(values)
      addAll(values)
      encoder.mark()
      encoder.rollback()
      expectContent([...values, ...values])
    })

    it('begins anew, whatever was in it before', () => {
      addAll(values)
      addAll(values)
      for (let times = 0; times < 2; times += 1) {
        encoder.reset()
        expectContent([])
      }
      encoder.rollback()
      addAll([...values].reverse())
      expectContent([...values].reverse())
      encoder.reset()
      addAll(values)
      encoder.rollback()
      expectContent([])
    })

    it('is marked where it begins', () => {
      encoder.rollback()
      expectContent([])
      addAll(values)
      encoder.rollback()
      expectContent([])
      addAll(values)
      expectContent(values)
    })

    it('refuses any other count than that of the values', () => {
      const bytes = encoded(values)
      for (const count of [0, 1, values.length - 1, values.length + 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        expect(() => codec.decode(bytes, count)).toThrow(withCode('DECODE_FAILED'))
      }
      for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => codec.decode(bytes, count)).toThrow(withCode('INVALID_ARGUMENT'))
      }
    })

    it('refuses bytes that end early or late', () => {
      const bytes = encoded(values)
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => codec.decode(bytes.subarray(0, length), values.length)).toThrow(
          withCode('DECODE_FAILED'),
        )
      }
      const longer = Buffer.concat([bytes, Buffer.alloc(1)])
      expect(() => codec.decode(longer, values.length)).toThrow(withCode('DECODE_FAILED'))
    })

    it('reads bytes that nothing wrote as values or not at all, and good ones afterwards', () => {
      const random = new SeededRandom(1)
      const good = encoded(values)
      for (let round = 0; round < 500; round += 1) {
        const bytes = round % 2 === 0 ? Buffer.from(random.bytes(random.below(64))) : Buffer.from(good)
        for (let flips = random.below(4); flips > 0; flips -= 1) {
          if (bytes.length > 0) bytes[random.below(bytes.length)] = random.uint32() & 0xff
        }
        const count = round % 2 === 0 ? random.below(8) : values.length
        expect(outcomeOf(bytes, count)).toBeOneOf([count, 'DECODE_FAILED'])
      }
      expect(codec.decode(good, values.length)).toStrictEqual([...values])
    })
  })
}

function bytesOf<T>(encoder: FrameEncoder<T>): Buffer {
  const bytes = Buffer.alloc(encoder.bytes)
  expect(encoder.copyTo(bytes, 0)).toBe(encoder.bytes)
  return bytes
}

function withCode(code: string): object {
  return expect.objectContaining({ code }) as object
}

function thrownBy(run: () => unknown): Error & { details?: Record<string, unknown> } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
