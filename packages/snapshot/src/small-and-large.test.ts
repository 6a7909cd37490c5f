import { type Codec, MAX_DEPTH, messagePackCodec } from '@holdfast/codec'
import { HoldfastError } from '@holdfast/environment'
import { describe, expect, it } from 'vitest'
import { chunksOf } from './chunks.fixture.ts'
import { ChunkEncoder } from './chunk-encoder.ts'
import { CHUNK_BYTES, INLINE_BYTES, VALUES_OP_BYTES } from './format.ts'
import { exceedsInline } from './size-bound.ts'
import { ValueWalker } from './value-walker.ts'
import { numbers } from './values.fixture.ts'

const wide = numbers(10_000)

/** What a value is refused with. */
function refusalOf(value: unknown, codec: Codec<unknown> = messagePackCodec): unknown {
  try {
    chunksOf([value], codec)
  } catch (error) {
    return error
  }
  return undefined
}

/** A codec that takes nothing. */
function refusing(error: Error): Codec<unknown> {
  const add = (): never => {
    throw error
  }
  return { ...messagePackCodec, encoder: () => Object.assign(messagePackCodec.encoder(), { add }) }
}

/** Inside so many arrays, each taken apart. */
function nested(levels: number, core: unknown): unknown {
  let nest = core
  for (let level = 0; level < levels; level++) nest = [nest, wide]
  return nest
}

describe('which values are taken apart', () => {
  const BYTES = 16
  const large = 'x'.repeat(INLINE_BYTES)

  it('looks at every member, whatever the first is', () => {
    for (const value of [[1, large], { a: 1, b: large }, new Map([[1, large]]), new Set([1, large])]) {
      expect(exceedsInline(value, MAX_DEPTH)).toBe(true)
    }
  })

  it('looks at what stands behind that with which the bound is met exactly', () => {
    const rest = INLINE_BYTES - 2 * BYTES
    const cases: [what: string, value: (...more: unknown[]) => unknown][] = [
      [
        'an object',
        (...more) => ({
          k: new Uint8Array(rest - BYTES - 3),
          ...Object.fromEntries(more.map((one) => ['more', one])),
        }),
      ],
      [
        'a Map',
        (...more) =>
          new Map<unknown, unknown>([
            [1, new Uint8Array(rest - BYTES)],
            ...more.map((one) => [one, 1] as const),
          ]),
      ],
      ['a Set', (...more) => new Set([new Uint8Array(rest), ...more])],
      ['an array', (...more) => [new Uint8Array(rest), ...more]],
    ]
    for (const [what, value] of cases) {
      expect([what, exceedsInline(value(), MAX_DEPTH)]).toEqual([what, false])
      expect([what, exceedsInline(value(2), MAX_DEPTH)]).toEqual([what, true])
    }
  })

  it('leaves as many of the smallest as fit whole, and no more', () => {
    const items = INLINE_BYTES / BYTES - 1
    expect(exceedsInline(numbers(items), MAX_DEPTH)).toBe(false)
    expect(exceedsInline(numbers(items + 1), MAX_DEPTH)).toBe(true)
    expect(exceedsInline(new Set(numbers(items)), MAX_DEPTH)).toBe(false)
    expect(exceedsInline(new Set(numbers(items + 1)), MAX_DEPTH)).toBe(true)
    const map = (size: number) => [new Map(numbers(size).map((index) => [index, index]))]
    expect(exceedsInline(map((items - 1) / 2), MAX_DEPTH)).toBe(false)
    expect(exceedsInline(map((items + 1) / 2), MAX_DEPTH)).toBe(true)
  })
})

it('cuts a chunk as soon as its ops and values are as large as a chunk', () => {
  const HEADER_BYTES = messagePackCodec.encoder().add(new Uint8Array(1000)) - 1000
  const piece = CHUNK_BYTES / 8
  const values = (spare: number) => [
    ...numbers(7).map(() => new Uint8Array(piece - HEADER_BYTES)),
    new Uint8Array(piece - HEADER_BYTES - VALUES_OP_BYTES - spare),
    1,
  ]
  expect(chunksOf(values(0)).map((chunk) => chunk.readUInt32LE())).toEqual([8, 1])
  expect(chunksOf(values(1)).map((chunk) => chunk.readUInt32LE())).toEqual([9])
})

describe('what becomes smaller or larger while it is being written', () => {
  const changed = { code: 'SNAPSHOT_FAILED', details: { reason: 'was changed while it was being written' } }
  /** Something that does this when it is come to. */
  const doing = (change: () => void): unknown => ({
    get now(): number {
      change()
      return 1
    },
  })

  it('a Map that loses an entry', () => {
    const map = new Map<unknown, unknown>(wide.map((index) => [index, index]))
    map.set(
      5,
      doing(() => map.delete(9000)),
    )
    expect(refusalOf(map)).toMatchObject(changed)
  })

  it('a Set that loses a member', () => {
    const set = new Set<unknown>([doing(() => set.delete(9000)), ...wide])
    expect(refusalOf(set)).toMatchObject(changed)
  })

  it.each(['Map', 'Set'] as const)('a %s that grows for ever is left at its first size', (kind) => {
    const map = new Map<unknown, unknown>(wide.map((index) => [index, index]))
    const set = new Set<unknown>(wide)
    const ever = 20_000
    const grow = () => {
      if (map.size >= ever || set.size >= ever) return
      map.set({}, doing(grow))
      set.add(doing(grow))
    }
    grow()
    expect(refusalOf(kind === 'Map' ? map : set)).toMatchObject(changed)
    expect(Math.max(map.size, set.size)).toBeLessThan(wide.length + 10)
  })

  it('a Map that loses all of them before the first is asked for', () => {
    const chunk = new ChunkEncoder(messagePackCodec)
    const walker = new ValueWalker(chunk, messagePackCodec, { isSliceOver: true })
    const map = new Map(wide.map((index) => [index, index]))
    expect(walker.add(map)).toBe(true)
    map.clear()
    expect(() => walker.resume()).toThrow(expect.objectContaining({ code: changed.code }) as Error)
  })
})

describe('where something was refused', () => {
  const twelve = `$${'[0]'.repeat(11)}`

  it('counts no step that there is not', () => {
    const hole: unknown[] = [...wide]
    Reflect.deleteProperty(hole, 3)
    expect(refusalOf(nested(11, hole))).toMatchObject({ details: { at: `${twelve}[3]` } })
    const growing: unknown[] = [...wide]
    growing[3] = {
      get now(): number {
        growing.push(1)
        return 1
      },
    }
    expect(refusalOf(nested(11, growing))).toMatchObject({
      code: 'SNAPSHOT_FAILED',
      details: { at: `${twelve}[4]` },
    })
  })

  it('is in a string as a whole, whichever of its pieces a codec does not take', () => {
    const error = new HoldfastError('NOT_SERIALIZABLE', 'made by a test', {
      details: { at: '$', reason: 'is no good' },
    })
    expect(refusalOf('x'.repeat(INLINE_BYTES), refusing(error))).toMatchObject({ details: { at: '$' } })
  })

  it('is not asked of an error that gives a reason and no place', () => {
    const error = new HoldfastError('NOT_SERIALIZABLE', 'made by a test', { details: { reason: 'none' } })
    expect(refusalOf(1, refusing(error))).toBe(error)
  })
})
