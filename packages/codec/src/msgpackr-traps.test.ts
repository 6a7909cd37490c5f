import * as msgpackr from 'msgpackr'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { messagePackCodec } from './index.ts'
import { bytesOf, difference, encode, thrownBy } from './values.fixture.ts'

/*
 * What msgpackr does that a storage engine must not: each trap as it is, and what the codec does about it.
 * Where one of the first halves fails, msgpackr has changed, and the second half may have become needless.
 */

/** Made anew each time: msgpackr writes into the options that it is given. */
function sequential(): msgpackr.Options {
  return { sequential: true, moreTypes: true }
}

function packed(values: readonly unknown[], options = sequential()): Buffer {
  const packr = new Packr({ ...options })
  return Buffer.concat(values.map((value) => Buffer.from(packr.pack(value))))
}

/** What msgpackr brings back of one value, each side with these options. */
function through(value: unknown, options: msgpackr.Options = {}): unknown {
  return new Packr({ ...options }).unpack(new Packr({ ...options }).pack(value))
}

function expectRefused(value: unknown, reason: string): void {
  expect(thrownBy(() => encode(messagePackCodec, [value]))).toMatchObject({
    code: 'NOT_SERIALIZABLE',
    details: { at: '$', reason },
  })
}

function expectExact(value: unknown): void {
  expect(difference(messagePackCodec.decode(encode(messagePackCodec, [value]), 1)[0], value)).toBeUndefined()
}

describe('structures', () => {
  const values = [{ a: 1 }, { a: 2 }, { b: 3 }]

  it('`structures: []` beside `sequential` makes bytes that decode as something else, without an error', () => {
    const bytes = packed(values, { ...sequential(), structures: [] })
    const decoded = new Unpackr(sequential()).unpackMultiple(bytes)
    expect(decoded).not.toEqual(values)

    expect(messagePackCodec.decode(encode(messagePackCodec, values), 3)).toStrictEqual(values)
  })

  it('they travel from one packer to the next in a shared object of options', () => {
    const options = sequential()
    const first = new Packr(options)
    expect(options).toHaveProperty('structures')
    first.pack({ a: 1 })
    expect(() => new Packr(options).pack({ a: 1 })).toThrow('Shared structures')

    const frames = [encode(messagePackCodec, values), encode(messagePackCodec, values)]
    expect(frames[0]).toEqual(frames[1])
  })

  it('one that was defined by a pack that threw is used by the good records after it', () => {
    let reads = 0
    const trap = () => ({
      id: 1,
      get name() {
        reads += 1
        if (reads > 1) throw new Error('not twice')
        return 'x'
      },
    })
    const packr = new Packr(sequential())
    reads = 1
    expect(() => packr.pack(trap())).toThrow('not twice')
    const bytes = Buffer.from(packr.pack({ id: 2, name: 'good' }))
    expect(new Unpackr(sequential()).unpackMultiple(bytes)).not.toEqual([{ id: 2, name: 'good' }])

    const encoder = messagePackCodec.encoder()
    encoder.add({ id: 0 })
    reads = 1
    const error = thrownBy(() => encoder.add(trap()))
    expect(error).toMatchObject({ code: 'NOT_SERIALIZABLE', cause: { message: 'not twice' } })
    encoder.add({ id: 2, name: 'good' })
    expect(messagePackCodec.decode(bytesOf(encoder), 2)).toStrictEqual([{ id: 0 }, { id: 2, name: 'good' }])
  })

  it('wrong ones that are shared across messages decode into other field names, without an error', () => {
    const written = new Packr({ structures: [['id', 'name']] as unknown as {}[] }).pack({ id: 1, name: 'x' })
    const read: unknown = new Unpackr({ structures: [['price', 'owner']] as unknown as {}[] }).unpack(written)
    expect(read).toEqual({ price: 1, owner: 'x' })

    // Each frame holds its own; without them nothing comes out.
    const bytes = encode(messagePackCodec, [{ id: 1 }, { id: 2 }])
    const second = encode(messagePackCodec, [{ id: 1 }]).length
    expect(() => messagePackCodec.decode(bytes.subarray(second), 1)).toThrow(
      'a structure that is not defined',
    )
  })

  it('a property called __keys__ overwrites the notes of the packer', () => {
    expect(() => packed([{ __keys__: 1 }, {}, { a: 1 }])).toThrow('Cannot create property')
    expect(() => encode(messagePackCodec, [{ __keys__: 1 }])).toThrow('$.__keys__ is a property name')
    expectExact(new Map([['__keys__', 1]]))
  })

  it('a property called __proto__ comes back under another name', () => {
    const value = JSON.parse('{"__proto__":1}') as unknown
    expect(Object.keys(through(value) as object)).toEqual(['__proto_'])
    expect(() => encode(messagePackCodec, [value])).toThrow('$.__proto__ is a property name')
    expectExact(new Map([['__proto__', 1]]))
  })
})

describe('types', () => {
  it('without moreTypes: a Set becomes an array', () => {
    expect(through(new Set([1]))).toEqual([1])
    expectExact(new Set([1]))
  })

  it('without moreTypes: a Float64Array becomes bytes, most of them uninitialised', () => {
    expect(through(new Float64Array([1]))).toBeInstanceOf(Buffer)
    expectExact(new Float64Array([1, -0, Number.NaN]))
  })

  it('without moreTypes: an Error and a RegExp become arrays', () => {
    expect(through(new TypeError('x'))).toEqual(['TypeError', 'x', undefined])
    expect(through(/x/g)).toEqual(['x', 'g'])
    expectRefused(new TypeError('x'), 'is an Error')
    expectRefused(/x/g, 'is a RegExp')
  })

  it('with useRecords off, a Map becomes an object', () => {
    expect(through(new Map([['a', 1]]), { useRecords: false })).toEqual({ a: 1 })
    expectExact(new Map([['a', 1]]))
    expectExact([{ a: 1 }, new Map([['a', 1]])])
  })

  it('-0, lone surrogates, functions and class instances come back as something else', () => {
    class City {
      readonly name = 'Bern'
    }
    expect(Object.is(through(-0), 0)).toBe(true)
    expect(through('\ud800')).toMatch(/^\ufffd+$/)
    expect(through(() => 1)).toBeUndefined()
    expect(Object.getPrototypeOf(through(new City()))).toBe(Object.prototype)
    expectRefused(-0, 'is -0, which would come back as 0')
    expectRefused('\ud800', 'is a string with half of a surrogate pair, which UTF-8 cannot hold')
    expectRefused(() => 1, 'is a function')
    expectRefused(new City(), 'is an instance of City')
  })

  it('a bigint of more than 64 bits throws or, with moreTypes, takes an extension', () => {
    expect(() => through(2n ** 64n)).toThrow('too large')
    expectRefused(2n ** 64n, 'is a bigint of more than 64 bits')
  })

  it('Float16Array has no code, and becomes nothing', () => {
    const Float16 = (globalThis as { Float16Array?: new (length: number) => object }).Float16Array
    if (Float16 === undefined) return
    expect(() => through(new Float16(2), sequential())).toThrow('Could not find typed array')
    expectRefused(new Float16(2), 'is an instance of Float16Array')
  })
})

describe('decoding', () => {
  it('gives binary data that is the source itself', () => {
    const bytes = new Packr().pack(Uint8Array.of(1, 2, 3))
    const back = new Unpackr().unpack(bytes) as Uint8Array
    bytes.fill(9)
    expect([...back]).toEqual([9, 9, 9])

    const own = encode(messagePackCodec, [Uint8Array.of(1, 2, 3)])
    const [value] = messagePackCodec.decode(own, 1) as [Uint8Array]
    own.fill(9)
    expect(value).toStrictEqual(Uint8Array.of(1, 2, 3))
  })

  it('has no limit of depth', () => {
    const bytes = Buffer.concat([Buffer.alloc(50_000, 0x91), Buffer.of(0xc0)])
    expect(() => new Unpackr().unpack(bytes) as unknown).toThrow(RangeError)
    expect(() => messagePackCodec.decode(bytes, 1)).toThrow('DECODE_FAILED')
  })

  it('takes the byte order mark off a string of more than 64 bytes, unless its native addon does it', () => {
    const text = `\ufeff${'x'.repeat(70)}`
    const back = new Unpackr(sequential()).unpackMultiple(packed([text]))[0] as string
    expect(back.length).toBe(msgpackr.isNativeAccelerationEnabled ? 71 : 70)
    expectExact(text)
    expectExact({ [text]: [text] })
  })

  it('does not count: what is left of a frame is as good as all of it', () => {
    const bytes = encode(messagePackCodec, [1, 2, 3])
    expect(new Unpackr(sequential()).unpackMultiple(bytes.subarray(0, 2))).toEqual([1, 2])
    expect(() => messagePackCodec.decode(bytes.subarray(0, 2), 3)).toThrow('DECODE_FAILED')
    expect(() => messagePackCodec.decode(bytes, 2)).toThrow('DECODE_FAILED')
  })
})
