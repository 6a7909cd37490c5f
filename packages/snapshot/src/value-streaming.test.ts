import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { bytesCodec, type Codec, MAX_DEPTH, messagePackCodec } from '@holdfast/codec'
import { HoldfastError } from '@holdfast/environment'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunksOf, valuesOf } from './chunks.fixture.ts'
import { ChunkEncoder } from './chunk-encoder.ts'
import { CHUNK_BYTES, CHUNK_VALUES, INLINE_BYTES, MAX_CHUNK_BYTES, OP, STRING_PIECE_UNITS } from './format.ts'
import { naiveChunks } from './naive.fixture.ts'
import { exceedsInline } from './size-bound.ts'
import { stateDigest } from './state-digest.ts'
import { ValueWalker } from './value-walker.ts'
import { anyState, anyValue, numbers } from './values.fixture.ts'

/** toEqual takes seconds for a million entries. */
function expectSame(found: unknown, expected: unknown): void {
  expect(isDeepStrictEqual(found, expected)).toBe(true)
}

function roundTrip(value: unknown): unknown {
  const [found] = valuesOf(chunksOf([value]))
  expectSame(found, value)
  return found
}

function refusalOf(
  value: unknown,
): Error & { code: string; details: { at: string; reason: string; index: number } } {
  try {
    chunksOf([1, value])
  } catch (error) {
    return error as ReturnType<typeof refusalOf>
  }
  throw new Error('it was not refused')
}

/** A codec that takes nothing. */
function refusing(error: Error): Codec<unknown> {
  const add = (): never => {
    throw error
  }
  return { ...messagePackCodec, encoder: () => Object.assign(messagePackCodec.encoder(), { add }) }
}

const wide = numbers(10_000)

describe('taking values apart and putting them together', () => {
  it('property: any state comes back as it was, in chunks within their bounds, with the same digest again', {
    tags: ['long'],
  }, () => {
    fc.assert(
      fc.property(anyState, (values) => {
        const chunks = chunksOf(values)
        const lengths = chunks.map((chunk) => chunk.length)
        expect(Math.max(...lengths)).toBeLessThan(CHUNK_BYTES + INLINE_BYTES + 64)
        const full = chunks.slice(0, -1)
        expect(
          full.every((chunk) => chunk.length >= CHUNK_BYTES || chunk.readUInt32LE() === CHUNK_VALUES),
        ).toBe(true)
        const found = valuesOf(chunks)
        expectSame(found, values)
        expectSame(chunksOf(found), chunks)
        expect(stateDigest(found)).toBe(stateDigest(values))
      }),
      { numRuns: 60 },
    )
  })

  it('property: chunks are what a plain reading of the format makes of the values', () => {
    fc.assert(
      fc.property(anyState, (values) => {
        const [found, expected] = [chunksOf(values), naiveChunks(values)]
        expect(found.length).toBe(expected.length)
        for (const [index, chunk] of found.entries())
          expect(chunk.equals(expected[index] as Buffer)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('property: a value that is not taken apart takes no more bytes than its bound', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        fc.pre(!exceedsInline(value, MAX_DEPTH))
        expect(messagePackCodec.encoder().add(value)).toBeLessThanOrEqual(INLINE_BYTES)
      }),
      { numRuns: 200 },
    )
  })

  it('takes a container apart that stands deeper than the codec goes', () => {
    const containers: unknown[] = [[], {}, new Map(), new Set()]
    const around: ((inner: unknown) => unknown)[] = [
      (inner) => [inner],
      (inner) => ({ inner }),
      (inner) => new Map([['inner', inner]]),
      (inner) => new Map([[inner, 1]]),
      (inner) => new Set([inner]),
    ]
    for (const container of containers) {
      expect(exceedsInline(container, 0)).toBe(true)
      expect(exceedsInline(container, 1)).toBe(false)
      for (const put of around) {
        expect(exceedsInline(put(container), 1)).toBe(true)
        expect(exceedsInline(put(container), 2)).toBe(false)
      }
    }
    for (const leaf of ['text', 1, null, Uint8Array.of(1)]) expect(exceedsInline(leaf, 0)).toBe(false)
  })

  it('leaves the first and the last of surrogates together with their other halves', () => {
    for (const pair of ['\ud800\udc00', '\udbff\udfff']) {
      for (const before of [STRING_PIECE_UNITS - 1, STRING_PIECE_UNITS]) {
        roundTrip(`${'x'.repeat(before)}${pair}${'x'.repeat(STRING_PIECE_UNITS)}`)
      }
    }
  })

  it('takes a value apart that needs one byte more than its bound', () => {
    const BYTES = 16
    /** As long as its bound is so many bytes: 16, and 3 for each unit. */
    const text = (bound: number): string => 'x'.repeat((bound - BYTES) / 3)
    const left = INLINE_BYTES - BYTES
    const cases: [what: string, value: (bound: number) => unknown, around: number][] = [
      ['a string', (bound) => text(bound), 0],
      ['bytes', (bound) => new Uint8Array(bound - BYTES), 0],
      ['an array', (bound) => [new Uint8Array(bound - BYTES)], BYTES],
      ['an object', (bound) => ({ key: new Uint8Array(bound - BYTES) }), BYTES + BYTES + 3 * 3],
      ['a Map', (bound) => new Map([[1, new Uint8Array(bound - BYTES)]]), BYTES + BYTES],
      ['a Set', (bound) => new Set([new Uint8Array(bound - BYTES)]), BYTES],
      ['items', (bound) => [1, 'ab', new Uint8Array(bound - BYTES)], BYTES + BYTES + BYTES + 2 * 3],
    ]
    expect(left % 3).toBe(0)
    for (const [what, value, around] of cases) {
      const step = what === 'a string' ? 3 : 1
      expect([what, exceedsInline(value(INLINE_BYTES - around), MAX_DEPTH)]).toEqual([what, false])
      expect([what, exceedsInline(value(INLINE_BYTES - around + step), MAX_DEPTH)]).toEqual([what, true])
    }
  })

  it('ends with the chunk that is full, where that is the last', () => {
    expect(chunksOf(numbers(CHUNK_VALUES).map(() => 0))).toHaveLength(1)
    expect(chunksOf(numbers(CHUNK_VALUES + 1).map(() => 0))).toHaveLength(2)
  })

  it('stores small values as one run, and takes nothing apart that need not be', () => {
    const [chunk] = chunksOf(wide) as [Buffer]
    expect(chunk.readUInt32LE(0)).toBe(10_000)
    expect(chunk.readUInt32LE(4)).toBe(5)
    expect(chunk[8]).toBe(OP.values)
    expect(chunksOf([])).toEqual([])
    expect(stateDigest([])).toBe(createHash('sha256').digest('hex'))
  })

  it('cuts a chunk of the smallest values by their number', () => {
    const chunks = chunksOf([...numbers(100_000).map(() => 0), numbers(100_000).map(() => 1)])
    expect(chunks.map((chunk) => chunk.readUInt32LE())).toEqual([65_536, 65_536, 65_536, 3392])
    expect(valuesOf(chunks)).toHaveLength(100_001)
  })

  it('takes a Map with a million entries, an array inside it, and a large key', { tags: ['long'] }, () => {
    const map = new Map<unknown, unknown>(numbers(1_000_000).map((index) => [index, `value ${index}`]))
    map.set('inner', [wide, { list: wide }])
    map.set('k'.repeat(100_000), new Set(wide))
    map.set(wide, 'under a key that is an array')
    const [found] = valuesOf(chunksOf([map])) as [Map<unknown, unknown>]
    expect(found.size).toBe(map.size)
    // A key that is an object is another object afterwards.
    expectSame([...found.keys()].at(-1), wide)
    expectSame([...found.values()], [...map.values()])
  })

  it('takes containers nested in containers, each too large for a chunk', { tags: ['long'] }, () => {
    let nest: unknown = wide
    for (let level = 0; level < 50; level++) nest = level % 2 === 0 ? { nest, wide } : [wide, nest]
    roundTrip(nest)
  })

  it('takes an object with many keys, in their order, and keys that look like numbers', () => {
    const object = Object.fromEntries(numbers(20_000).map((index) => [`k${19_999 - index}`, index]))
    object['10'] = 10
    object['9'] = 9
    object['constructor'] = 1
    object['toString'] = 2
    const found = roundTrip(object) as Record<string, unknown>
    expect(Object.keys(found)).toEqual(Object.keys(object))
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
  })

  it('takes undefined in arrays, objects and maps', () => {
    const array = [...wide, undefined]
    roundTrip(array)
    roundTrip({ array, none: undefined })
    roundTrip(new Map<unknown, unknown>([[undefined, array]]))
  })

  it('takes every kind of binary data with its type, and a part of a larger buffer alone', () => {
    const bytes = new Uint8Array(200_000).map((_, index) => index * 31)
    const types = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array]
    for (const type of [...types, Float32Array, Float64Array, BigInt64Array, BigUint64Array]) {
      const found = roundTrip(new type(bytes.slice().buffer)) as Uint8Array
      expect(found).toBeInstanceOf(type)
    }
    expect(roundTrip(bytes.slice().buffer)).toBeInstanceOf(ArrayBuffer)
    const [part] = valuesOf(chunksOf([bytes.subarray(1000, 101_000)])) as [Uint8Array]
    expect(part.buffer.byteLength).toBe(100_000)
  })

  it('cuts long strings without tearing a pair, wherever it falls', () => {
    for (const before of ['', 'x', 'xy']) {
      const text = `${before}${'😀'.repeat(STRING_PIECE_UNITS)}`
      expect(roundTrip(text)).toBe(text)
    }
    roundTrip(`${'x'.repeat(STRING_PIECE_UNITS)}\ufeff${'\ufeff'.repeat(STRING_PIECE_UNITS)}`)
    roundTrip('\u0000'.repeat(100_000))
  })

  it('takes a string of 50 MB', { tags: ['long'] }, () => {
    const text = 'fifty megabytes. '.repeat((50 * 1024 * 1024) / 17)
    const chunks = chunksOf([text])
    expect(chunks.length).toBeGreaterThan(190)
    expect(valuesOf(chunks)[0] === text).toBe(true)
  })

  it('takes bytes apart for the codec that stores nothing else, Buffers too', () => {
    const values = [Buffer.alloc(300_000, 7), new Uint8Array([1, 2, 3]), new Uint8Array(100_000)]
    const chunks = chunksOf(values, bytesCodec)
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(MAX_CHUNK_BYTES / 2)
    const found = valuesOf(chunks, { codec: bytesCodec }) as Uint8Array[]
    expect(found.map((value, index) => Buffer.compare(value, values[index] as Uint8Array))).toEqual([0, 0, 0])
    expect(() => chunksOf([wide], bytesCodec)).toThrow(/NOT_SERIALIZABLE.*\$ is not a Uint8Array/)
  })

  it('goes as deep as the codec, and no deeper', () => {
    const nested = (levels: number, core: unknown) => {
      let nest = core
      for (let level = 0; level < levels; level++) nest = [nest]
      return nest
    }
    roundTrip(nested(MAX_DEPTH, 1))
    roundTrip(nested(MAX_DEPTH - 1, wide))
    roundTrip(nested(MAX_DEPTH, 'x'.repeat(100_000)))
    // More ops than the encoder makes room for at first.
    const two = [nested(MAX_DEPTH, 'x'.repeat(30_000)), nested(MAX_DEPTH, 'y'.repeat(30_000))]
    expect(chunksOf(two)).toHaveLength(1)
    expectSame(valuesOf(chunksOf(two)), two)
    expect(refusalOf(nested(MAX_DEPTH + 1, 1)).message).toMatch(
      /NOT_SERIALIZABLE.*more than 256 containers deep/,
    )
    expect(refusalOf(nested(MAX_DEPTH, wide)).message).toMatch(
      /NOT_SERIALIZABLE.*more than 256 containers deep/,
    )
  })

  it('finds a value inside itself', () => {
    const small: Record<string, unknown> = {}
    small['self'] = { small }
    expect(refusalOf(small)).toMatchObject({ code: 'NOT_SERIALIZABLE', details: { at: '$.self.small' } })
    const large: unknown[] = [...wide]
    large.push(new Map([['back', large]]))
    expect(refusalOf(large).message).toContain('$[10000].get("back") is inside itself')
  })
})

describe('what is refused', () => {
  it('names the path through what was taken apart, and the value', () => {
    const bad = { ok: 1, list: [wide, new Map([['an "x"', { at: [1, () => 1] }]])] }
    expect(refusalOf(bad)).toMatchObject({
      code: 'NOT_SERIALIZABLE',
      message: expect.stringContaining(
        'of value 1, $.list[1].get("an \\"x\\"").at[1] is a function',
      ) as string,
      details: { at: '$.list[1].get("an \\"x\\"").at[1]', reason: 'is a function', index: 1 },
    })
    expect(refusalOf({ wide, 'odd name': new Set([wide, () => 1]) }).details.at).toBe(
      '$["odd name"].values()[1]',
    )
    expect(
      refusalOf(new Map<unknown, unknown>([...wide.map((key): [number, number] => [key, key]), [-0.5, -0]]))
        .details.at,
    ).toBe('$.get(-0.5)')
    expect(refusalOf(new Map<unknown, unknown>([[[wide, () => 1], 1]])).details.at).toBe(
      '$.keys(an object)[1]',
    )
    for (const [key, step] of [
      [5n, '.get(5n)'],
      [null, '.get(null)'],
      [undefined, '.get(undefined)'],
      [true, '.get(true)'],
      ['k'.repeat(64), `.get("${'k'.repeat(64)}")`],
      ['k'.repeat(65), `.get("${'k'.repeat(64)}…")`],
    ] as const)
      expect(refusalOf(new Map<unknown, unknown>([[key, [wide, () => 1]]])).details.at).toBe(`$${step}[1]`)
  })

  it.each([
    [12, `$${'[1]'.repeat(12)}`],
    [13, `$${'[1]'.repeat(8)}…${'[1]'.repeat(4)}`],
  ])('leaves out the middle of a path of more than 12 steps: %i', (steps, at) => {
    let nest: unknown = () => 1
    for (let level = 0; level < steps; level++) nest = [wide, nest]
    expect(refusalOf(nest).details.at).toBe(at)
  })

  it('passes on an error of a codec that names no place', () => {
    const error = new HoldfastError('RECORD_TOO_LARGE', 'made by a test')
    expect(() => chunksOf([1], refusing(error))).toThrow(error)
  })

  it('says which value it was, where in it, and why', () => {
    const reason = expect.stringContaining('hole') as string
    const hole: unknown[] = [...wide]
    Reflect.deleteProperty(hole, 3)
    expect(refusalOf(hole)).toMatchObject({ details: { at: '$[3]', reason, index: 1 } })
    expect(refusalOf(Object.assign(() => 1, { wide }))).toMatchObject({
      details: { at: '$', reason: expect.stringContaining('function') as string, index: 1 },
    })
    const bad = {
      wide,
      get bad(): unknown {
        throw new Error('not now')
      },
    }
    expect(refusalOf([wide, bad])).toMatchObject({
      details: { at: expect.stringContaining('$[1]') as string, reason: 'could not be read', index: 1 },
    })
    for (const code of [undefined, 5]) {
      const error = new HoldfastError('NOT_SERIALIZABLE', 'made by a test', {
        details: { at: '$', reason: code },
      })
      expect(() => chunksOf([1], refusing(error))).toThrow(error)
    }
  })

  it('refuses in a large container what the codec refuses in a small one', () => {
    const hole: number[] = []
    for (const index of wide) if (index !== 9) hole[index] = index
    const named = Object.assign([...wide], { columns: ['a'] })
    const symbol = Object.assign(Object.fromEntries(wide.map((index) => [`k${index}`, index])), {
      [Symbol('s')]: 1,
    })
    const extraMap = Object.assign(new Map(wide.map((index) => [index, index])), { extra: 1 })
    const proto = JSON.parse(`{"__proto__": 1, "wide": [${wide.join()}]}`) as object
    // `lib: es2023` doesn't know the second argument yet.
    const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer
    const half = `${'x'.repeat(100_000)}\ud83d`
    const cases: [unknown, string][] = [
      [hole, '$[9] is a hole'],
      [named, '$ has properties beside'],
      [{ named }, '$.named has properties beside'],
      [symbol, '$ has symbols for keys'],
      [extraMap, '$ has properties beside'],
      [Object.assign(new ArrayBuffer(100_000), { extra: 1 }), '$ has properties beside'],
      [proto, '$.__proto__ has a reserved name'],
      [{ wide, __keys__: 1 }, '$.__keys__ has a reserved name'],
      [{ half }, '$.half is a string with half of a surrogate pair'],
      [Buffer.alloc(100_000), '$ is a Buffer'],
      [new (class Wide extends Array<number> {})(...wide), '$ is an instance of Wide'],
      [new (class Wide extends Map<string, unknown> {})([['a', wide]]), '$ is an instance of Wide'],
      [Object.assign(Object.create(null), { wide }), '$ is an object without a prototype'],
      [new Proxy({ wide }, {}), '$ is a Proxy'],
      [new Uint8Array(new SharedArrayBuffer(100_000)), '$ is a view of shared memory'],
      [new Resizable(100_000, { maxByteLength: 200_000 }), '$ is a resizable ArrayBuffer'],
      [Object.assign(Object.create(Map.prototype) as object, { wide }), '$ is an instance of Map'],
    ]
    for (const [value, message] of cases)
      expect(refusalOf(value).message).toContain(`NOT_SERIALIZABLE: of value 1, ${message}`)
  })

  it('says so when something cannot be read, with what it threw', () => {
    const thrown = new Error('not now')
    const value = {
      wide,
      get bad(): unknown {
        throw thrown
      },
    }
    expect(refusalOf(value)).toMatchObject({ code: 'NOT_SERIALIZABLE', cause: thrown })
    const deep = { wide, list: [value] }
    expect(refusalOf(deep).message).toContain('could not be read')
  })

  it('notices that a value was changed while it was being written', () => {
    /** Changes the value that it is in when it is come to. */
    const changing = (change: () => void): unknown => ({
      wide,
      get now(): unknown {
        change()
        return wide
      },
    })
    const array: unknown[] = [...wide]
    array[5] = changing(() => array.push(1))
    expect(refusalOf(array)).toMatchObject({
      code: 'SNAPSHOT_FAILED',
      details: { at: expect.stringContaining('$[') as string },
    })
    const map = new Map<unknown, unknown>(wide.map((index) => [index, index]))
    map.set(
      3,
      changing(() => map.set({}, 1)),
    )
    expect(refusalOf(map).message).toContain('was changed while it was being written')
    const set = new Set<unknown>(wide)
    set.add(changing(() => set.add('one more')))
    expect(refusalOf(set).message).toContain('was changed while it was being written')
    const object: Record<string, unknown> = Object.fromEntries(wide.map((index) => [`k${index}`, index]))
    object['k5'] = changing(() => delete object['k9'])
    expect(refusalOf(object).message).toContain('was changed while it was being written')
  })

  it('says where bytes are that lost their memory while they were being written', () => {
    const chunk = new ChunkEncoder(messagePackCodec)
    const walker = new ValueWalker(chunk, messagePackCodec)
    const bytes = new Uint8Array(4 * CHUNK_BYTES)
    expect(walker.add([wide, { bytes }])).toBe(true)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    chunk.cut(Buffer.alloc(chunk.payloadBytes), 0)
    const goOn = () => {
      while (walker.resume()) chunk.cut(Buffer.alloc(chunk.payloadBytes), 0)
    }
    expect(goOn).toThrow(
      expect.objectContaining({
        code: 'SNAPSHOT_FAILED',
        details: expect.objectContaining({ index: 0, at: '$[1].bytes' }) as object,
      }) as Error,
    )
  })
})
