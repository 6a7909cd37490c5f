import { SeededRandom } from '@holdfast/testing/environment'
import fc from 'fast-check'
import { Unpackr } from 'msgpackr'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { MAX_DEPTH, messagePackCodec } from './index.ts'
import { RecordStructure } from './record-structure.ts'
import { difference, encode, storables, thrownBy } from './values.fixture.ts'

function decode(bytes: Uint8Array, count: number): unknown[] {
  return messagePackCodec.decode(bytes, count)
}

/** Bytes out of hexadecimal and spaces. */
function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

/** The number of values, or the code of the error. Anything else that is thrown goes on. */
function outcome(bytes: Uint8Array, count: number): number | string {
  try {
    return decode(bytes, count).length
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === undefined) throw error
    return code
  }
}

describe('hostile bytes', () => {
  it.each<[what: string, bytes: string, count: number]>([
    ['nothing', '', 1],
    ['a string that reaches past the end', 'a5 61 62 63', 1],
    ['a string of 4 GiB', 'db ff ff ff ff 61', 1],
    ['an array of 4 billion', 'dd ff ff ff ff c0', 1],
    ['an array of more values than bytes', 'dc 00 04 c0 c0 c0', 1],
    ['a Map of 4 billion', 'df ff ff ff ff c0 c0', 1],
    ['a Map of more entries than bytes', '82 c0 c0 c0', 1],
    ['a Set of 4 billion', 'd4 73 00 dd ff ff ff ff c0', 1],
    ['a Set of no array', 'd4 73 00 c0', 1],
    ['a structure of 4 billion names', 'd4 72 40 dd ff ff ff ff a1 61 01', 1],
    ['a structure of names that are no strings', 'd4 72 40 91 01 01', 1],
    ['a structure of no array', 'd4 72 40 a1 61 01', 1],
    ['a structure with an id below the first', 'd4 72 3f 91 a1 61 01', 1],
    ['a structure with an id above the last', 'd4 72 60 91 a1 61 01', 1],
    ['a structure of an id in two bytes', 'd5 72 40 00 91 a1 61 01', 1],
    ['a structure with a property called __proto__', 'd4 72 40 91 a9 5f5f70726f746f5f5f 81 c0 c0', 1],
    ['the same in a longer string', 'd4 72 40 91 d9 09 5f5f70726f746f5f5f 81 c0 c0', 1],
    ['a record of a structure that is not defined', '40', 1],
    ['a record of one that another frame defined', '41 01', 1],
    ['a record that lacks values', 'd4 72 40 92 a1 61 a1 62 01', 1],
    ['an id that is no record', '60', 1],
    ['the type that is never used', 'c1', 1],
    ['binary data as plain MessagePack has it', 'c4 01 00', 1],
    ['a float of 32 bits', 'ca 00 00 00 00', 1],
    ['a float that ends early', 'cb 00 00 00', 1],
    ['a bigint that ends early', 'cf 00 00 00', 1],
    ['an undefined with other data', 'd4 00 01', 1],
    ['a Set with other data', 'd4 73 01 90', 1],
    ['an Error', 'd4 65 00 92 a5 4572726f72 a1 78', 1],
    ['a RegExp', 'd4 78 00 92 a1 78 a1 67', 1],
    ['a large bigint', 'c7 09 42 01 00 00 00 00 00 00 00 00', 1],
    ['a reference to another object', 'd6 69 00 00 00 01 90', 1],
    ['a pointer to it', 'd6 70 00 00 00 01', 1],
    ['bundled strings', 'd6 62 00 00 00 08 c1 01', 1],
    ['an extension of the application', 'd4 01 00', 1],
    ['a Date of 16 bytes', 'd8 ff 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', 1],
    ['a Date that ends early', 'd7 ff 00 00', 1],
    ['a Date of 11 bytes', 'c7 0b ff 00 00 00 00 00 00 00 00 00 00 00', 1],
    ['a typed array of no type', 'c7 01 74', 1],
    ['a typed array of an unknown type', 'c7 02 74 0b 00', 1],
    ['a DataView', 'c7 02 74 11 00', 1],
    ['a Float64Array of 7 bytes', 'c7 08 74 08 00 00 00 00 00 00 00', 1],
    ['a typed array of 4 GiB', 'c9 ff ff ff ff 74 01 00', 1],
    ['a Set of a Map', 'd4 73 00 80', 1],
    ['a Set of a text', 'd4 73 00 a0', 1],
    ['a Set of a Map in 16 bits', 'd4 73 00 de 00 00 00 00', 1],
    ['a Set of a Map in 32 bits', 'd4 73 00 df 00 00 00 00', 1],
    ['a structure with null for a name', 'd4 72 40 91 c0 01', 1],
    ['a structure with an array for a name', 'd4 72 40 91 90 01', 1],
    ['a structure with an array in 16 bits for a name', 'd4 72 40 91 dc 00 00 00 01 61 01', 1],
    ['another extension in 12 bytes', 'c7 0c 01 00 00 00 00 00 00 00 00 00 00 00 00', 1],
    ['a typed array without its type', 'c7 00 74 01', 2],
    ['a Float64Array of 15 bytes', 'c7 10 74 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', 1],
    ['an extension of 8 bytes and another type', 'c7 09 75 08 00 00 00 00 00 00 00 00', 1],
    ['a value too many', 'c0 c0', 1],
    ['a value too few', 'c0', 2],
    ['more values than there are numbers', 'c0', 2 ** 53 - 1],
  ])('%s', (_, text, count) => {
    const bytes = hex(text)
    expect(outcome(bytes, count)).toBe('DECODE_FAILED')
  })

  it.each<[bytes: string, count: number, at: number, reason: string]>([
    ['c0 a5 61 62 63', 2, 2, 'the bytes end inside a value'],
    ['c0 c0', 1, 1, 'the bytes do not end with the last value'],
    ['c0 dc 00 04 c0 c0 c0', 2, 4, 'a container of more values than bytes'],
    ['c0 83 c0 c0 c0 c0 c0', 2, 2, 'a container of more values than bytes'],
    ['c0 41', 2, 2, 'a record of a structure that is not defined'],
    ['c0 d9', 2, 2, 'the bytes end inside a value'],
    ['c0 cd 01', 2, 3, 'the bytes end inside a value'],
    ['c0 d4 72 40 91 01 61 07', 2, 6, 'no property name where one must be'],
  ])('the error says where and why: %s', (text, count, at, reason) => {
    expect(thrownBy(() => decode(hex(text), count))).toMatchObject({
      code: 'DECODE_FAILED',
      message: expect.stringContaining(reason) as string,
      details: { at },
    })
  })

  it('a Date is what it was, to the millisecond, however late', () => {
    const dates = [
      0,
      1,
      999,
      2 ** 32 * 1000 - 1,
      2 ** 33 * 1000 + 123,
      2 ** 34 * 1000 - 1,
      2 ** 34 * 1000,
      -1,
    ]
    const values = dates.map((ms) => new Date(ms))
    expect(decode(encode(messagePackCodec, values), values.length)).toStrictEqual(values)
  })

  it('a Date in 64 bits may be as late as its 34 bits of seconds go', () => {
    expect(decode(hex('d7 ff 00 00 00 02 00 00 00 05'), 1)).toEqual([new Date((2 ** 33 + 5) * 1000)])
    expect(decode(hex('d7 ff ee 2e 1f 03 ff ff ff ff'), 1)).toEqual([new Date((2 ** 34 - 1) * 1000 + 999)])
  })

  it.each<[what: string, level: string]>([
    ['arrays', '91'],
    ['Maps', '81 01'],
    ['Sets', 'd4 73 00 91'],
    ['records', 'd4 72 40 91 a1 61'],
  ])('a million %s inside each other', (_, level) => {
    const one = hex(level)
    const bytes = Buffer.concat([Buffer.alloc(one.length * 1_000_000, one), hex('c0')])
    expect(outcome(bytes, 1)).toBe('DECODE_FAILED')
    const most = Buffer.concat([Buffer.alloc(one.length * MAX_DEPTH, one), hex('c0')])
    expect(outcome(most, 1)).toBe(1)
  })

  it('names of properties are data, whatever is in them', () => {
    const names = [
      "']:0,x:(globalThis.hacked=1),['",
      '"]:0});globalThis.hacked=1;({["',
      '\\"]:1',
      '`${globalThis.hacked=1}`',
      '\u2028',
      '/*',
      '//',
      '})(globalThis.hacked=1)',
    ]
    const values = Array.from({ length: 50 }, () =>
      Object.fromEntries(names.map((name, index) => [name, index])),
    )
    expect(decode(encode(messagePackCodec, values), 50)).toStrictEqual(values)
    expect(globalThis).not.toHaveProperty('hacked')
  })

  it.each(['a1 61', 'd9 01 61', 'da 00 01 61', 'db 00 00 00 01 61'])(
    'a name may be written as a string of any length: %s',
    (name) => {
      const bytes = hex(`d4 72 40 91 ${name} 07`)
      expect(decode(bytes, 1)).toStrictEqual([{ a: 7 }])
    },
  )

  it('no prototype is reached through names', () => {
    const bytes = Buffer.concat([
      hex('d4 72 40 92 ab'),
      Buffer.from('constructor'),
      hex('a9'),
      Buffer.from('prototype'),
      hex('01 02'),
    ])
    for (let times = 0; times < 20; times++) {
      expect(decode(bytes, 1)).toStrictEqual([{ constructor: 1, prototype: 2 }])
    }
    expect(Object.prototype.constructor).toBe(Object)
  })

  it('a frame that fails leaves nothing behind for the next', () => {
    const good = encode(messagePackCodec, [
      { id: 1, name: 'x' },
      { id: 2, name: 'y' },
    ])
    for (const bad of ['d4 72 40 91 a1 7a c1', 'd4 72 40 92 a2 6964 a4 6e616d65 01', '91 91 91 c1', '40']) {
      expect(outcome(hex(bad), 1)).toBe('DECODE_FAILED')
      expect(decode(good, 2)).toStrictEqual([
        { id: 1, name: 'x' },
        { id: 2, name: 'y' },
      ])
      expect(outcome(hex('40 01 a1 78'), 1)).toBe('DECODE_FAILED')
    }
  })

  it('memory is bounded by the bytes: a thousand frames that claim the most they can', {
    tags: ['long'],
  }, () => {
    const bytes = Buffer.concat([hex('dd 00 0f ff f0'), Buffer.alloc(1_048_560, 0x90)])
    expect(outcome(bytes, 1)).toBe(1)
    const before = process.memoryUsage().rss
    for (let times = 0; times < 1000; times++) {
      bytes.writeUInt32BE(0xffffff00 + (times & 0xff), 1)
      expect(outcome(bytes, 1)).toBe('DECODE_FAILED')
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000)
  })
})

describe('what was read before is not made again', () => {
  afterEach(() => void vi.restoreAllMocks())

  /** The frame, and how it is read through these methods of its bytes. */
  function watched(values: unknown[], ...methods: ('toString' | 'readDoubleBE')[]) {
    const bytes = encode(messagePackCodec, values)
    const calls = methods.map((method) => vi.spyOn(bytes, method))
    return { bytes, calls: () => calls.flatMap(({ mock }) => mock.calls as unknown[][]) }
  }

  it.each<[length: number, first: string[], again: string[]]>([
    [24, [], []],
    [25, ['latin1'], []],
    [32, ['latin1'], []],
    [33, ['utf8'], ['utf8']],
  ])('a text of %i bytes of ASCII', (length, first, again) => {
    const text = `${length} bytes of text, which is not the same anywhere`.slice(0, length)
    // What follows is not ASCII.
    const { bytes, calls } = watched([text, 'ü'], 'toString')
    const ofText = () =>
      calls()
        .filter(([, start]) => (start as number) < length)
        .map(([encoding]) => encoding)
    for (let times = 1; times <= 3; times++) expect(decode(bytes, 2)).toEqual([text, 'ü'])
    expect(ofText()).toEqual([...first, ...again, ...again])
  })

  it('a text that is not ASCII is, whatever was before it', () => {
    const text = 'x'.repeat(20)
    for (const other of [
      '\u0080'.repeat(10),
      `${'x'.repeat(18)}ü`,
      'ÿ'.repeat(10),
      'x'.repeat(19).concat('y'),
    ]) {
      const bytes = encode(messagePackCodec, [text, other, text, other])
      expect(decode(bytes, 4)).toEqual([text, other, text, other])
    }
  })

  it.each<[bytes: number, lookups: number]>([
    [2048, 1],
    [2049, 3],
  ])('a structure that is defined in %i bytes', (definitionBytes, lookups) => {
    // An array of one name, with their headers.
    const name = 'n'.repeat(definitionBytes - 1 - 3)
    const bytes = encode(messagePackCodec, [{ [name]: 1 }])
    const known = vi.spyOn(RecordStructure, 'known')
    for (let times = 1; times <= 3; times++) expect(decode(bytes, 1)).toEqual([{ [name]: 1 }])
    expect(known).toHaveBeenCalledTimes(lookups)
  })

  it('nothing is made for the numbers of a frame of 512 bytes, and more pay for it', () => {
    for (const [values, calls] of [
      [[1.5, new Uint8Array(512 - 9 - 4 - 1)], 1],
      [[1.5, new Uint8Array(513 - 9 - 4 - 1)], 0],
    ] as const) {
      const frame = watched([...values], 'readDoubleBE')
      expect(frame.bytes).toHaveLength(513 - calls)
      expect(decode(frame.bytes, 2)).toEqual(values)
      expect(frame.calls()).toHaveLength(calls)
    }
  })
})

/** Frames of many shapes, broken where a parser would notice least. */
class Mutator {
  readonly #random: SeededRandom
  readonly #frames: readonly { bytes: Buffer; count: number }[]

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    this.#frames = fc
      .sample(storables, { seed, numRuns: 200 })
      .map((values) => values.slice(0, 5))
      .map((values) => ({ bytes: encode(messagePackCodec, values), count: values.length }))
  }

  next(): { bytes: Buffer; count: number } {
    const random = this.#random
    const frame = this.#pick(this.#frames)
    let bytes = Buffer.from(frame.bytes)
    for (let changes = random.below(4); changes >= 0; changes--) bytes = this.#change(bytes)
    return { bytes, count: random.below(8) === 0 ? random.below(20) : frame.count }
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)] as T
  }

  #change(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    const random = this.#random
    const at = random.below(bytes.length + 1)
    const to = at + random.below(Math.min(40, bytes.length - at + 1))
    const other = this.#pick(this.#frames).bytes
    const from = random.below(other.length + 1)
    switch (random.below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
        return bytes
      case 1:
        if (at < bytes.length) bytes[at] = this.#pick(TOKENS)
        return bytes
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
      case 3:
        return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])
      case 4:
        return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + 40), bytes.subarray(at)])
      case 5:
        return Buffer.concat([bytes.subarray(0, at), this.#pick(SNIPPETS), bytes.subarray(at)])
      default:
        return bytes.subarray(0, at)
    }
  }
}

const TOKENS = [
  0x3f,
  0x40,
  0x5f,
  0x60,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xbf,
  ...Array.from({ length: 64 }, (_, index) => 0xc0 + index),
]
const SNIPPETS = [
  'd47240',
  'd4725f90',
  'd47241a0',
  'd4724191a95f5f70726f746f5f5f',
  'd47300',
  'ddffffffff',
  'dfffffffff',
  'dbffffffff',
  'c9ffffffff74',
  'c70274',
  'c70cff',
  'd6ff',
  'd7ff',
  '91919191',
  'd40000',
].map((text) => Buffer.from(text, 'hex'))

function fuzz(rounds: number, seed: number): void {
  const mutator = new Mutator(seed)
  const outcomes = { values: 0, refused: 0 }
  const strangers: unknown[] = []
  // That many stack traces would take most of the time.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  for (let round = 0; round < rounds; round++) {
    const { bytes, count } = mutator.next()
    try {
      const result = outcome(bytes, count)
      if (result === 'DECODE_FAILED') outcomes.refused++
      else outcomes.values++
    } catch (error) {
      strangers.push(error)
    }
  }
  Error.stackTraceLimit = stackTraceLimit
  expect(strangers).toEqual([])
  expect(Math.min(outcomes.values, outcomes.refused)).toBeGreaterThan(rounds / 20)
  expect(Object.keys(Object.prototype)).toEqual([])
}

describe('against others', () => {
  it('fuzz: broken frames give values or DECODE_FAILED', () => {
    fuzz(3000, 7)
  })

  it('fuzz: the same of 100,000', { tags: ['long'], timeout: 120_000 }, () => {
    fuzz(100_000, 20261122)
  })

  it('property: msgpackr reads the same out of whatever the encoder writes', { tags: ['long'] }, () => {
    const withoutMark = storables.filter((values) => !containsMark(values))
    fc.assert(
      fc.property(withoutMark, (values) => {
        const bytes = encode(messagePackCodec, values)
        const theirs =
          values.length === 0
            ? []
            : (new Unpackr({ sequential: true, moreTypes: true }).unpackMultiple(bytes) as unknown[])
        expect(difference(decode(bytes, values.length), theirs)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})

/** Whether a byte order mark is anywhere in it, which msgpackr takes off in some places. */
function containsMark(values: unknown[]): boolean {
  return encode(messagePackCodec, values).includes('\ufeff')
}
