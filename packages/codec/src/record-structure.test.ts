import { afterEach, describe, expect, it, vi } from 'vitest'

const OriginalFunction = Function

/** The sources of the functions that were made, and how often they were used. */
interface Made {
  readonly sources: string[]
  uses: number
}

/** Counts what is made of strings from here on. */
function watchFunctions(): Made {
  const made: Made = { sources: [], uses: 0 }
  vi.stubGlobal('Function', function (...parts: string[]) {
    made.sources.push(parts.at(-1) as string)
    const maker = OriginalFunction(...parts) as (...given: unknown[]) => unknown
    return (...given: unknown[]) => {
      const make = maker(...given)
      if (typeof make !== 'function') return make
      return () => {
        made.uses++
        return (make as () => unknown)()
      }
    }
  })
  return made
}

/** As where `--disallow-code-generation-from-strings` is set. */
function refuseFunctions(): Made {
  const made: Made = { sources: [], uses: 0 }
  vi.stubGlobal('Function', function (...parts: string[]) {
    made.sources.push(parts.at(-1) as string)
    throw new EvalError('Code generation from strings disallowed for this context')
  })
  return made
}

/** A module that has seen nothing yet. */
async function fresh() {
  vi.resetModules()
  return import('./record-structure.ts')
}

/** Values that come one after the other: 0, 1, 2, ... */
function counter(): () => number {
  let next = 0
  return () => next++
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `name${index}`)
}

afterEach(() => void vi.unstubAllGlobals())

describe('a function is made', () => {
  it('for a structure that is read for the eighth time, once, and is used from then on', async () => {
    const { RecordStructure } = await fresh()
    const made = watchFunctions()
    const structure = new RecordStructure(['a', 'b'], new Uint8Array(0))
    const value = counter()
    for (let read = 0; read < 7; read++) structure.read(value)
    expect(made.sources).toHaveLength(0)
    for (let read = 7; read < 20; read++) {
      expect(structure.read(value)).toStrictEqual({ a: 2 * read, b: 2 * read + 1 })
    }
    expect(made).toEqual({ sources: ['return () => ({a:value(),b:value()})'], uses: 12 })
  })

  it('of 64 fields, and not of 65', async () => {
    const { RecordStructure } = await fresh()
    const made = watchFunctions()
    for (const fields of [65, 64]) {
      const structure = new RecordStructure(names(fields), new Uint8Array(0))
      for (let read = 0; read < 10; read++) {
        expect(Object.values(structure.read(counter()))).toHaveLength(fields)
      }
    }
    expect(made.sources).toHaveLength(1)
    expect(made.sources[0]).toContain('name63')
    expect(made.sources[0]).not.toContain('name64')
  })

  it.each<[name: string, field: string]>([
    ['a', 'a'],
    ['_$1', '_$1'],
    ['$', '$'],
    ['longer', 'longer'],
    ['', '[""]'],
    ['1a', '["1a"]'],
    ['a b', '["a b"]'],
    ['a-', '["a-"]'],
    ['-a', '["-a"]'],
    ['ä', '["ä"]'],
    ['a"]:0,["', '["a\\"]:0,[\\""]'],
  ])('with names that are no identifiers as JSON: %j', async (name, field) => {
    const { RecordStructure } = await fresh()
    const made = watchFunctions()
    const structure = new RecordStructure([name], new Uint8Array(0))
    const value = counter()
    for (let read = 0; read < 10; read++) expect(structure.read(value)).toStrictEqual({ [name]: read })
    expect(made).toEqual({ sources: [`return () => ({${field}:value()})`], uses: 2 })
  })

  it('never again where that is not allowed, and records are read all the same', async () => {
    const { RecordStructure } = await fresh()
    const made = refuseFunctions()
    for (let structures = 0; structures < 3; structures++) {
      const structure = new RecordStructure(['a'], new Uint8Array(0))
      const value = counter()
      for (let read = 0; read < 10; read++) expect(structure.read(value)).toStrictEqual({ a: read })
    }
    expect(made.sources).toHaveLength(1)
  })
})

describe('what is remembered of structures', () => {
  it('is bounded: 512 of them, and none of more than 2,048 bytes', async () => {
    const { RecordStructure } = await fresh()
    const definitions = Array.from({ length: 513 }, (_, index) => Buffer.from(`definition ${index}`))
    const [first, ...more] = definitions as [Buffer, ...Buffer[]]
    const structure = RecordStructure.create(['a'], first)
    for (const definition of more.slice(0, 511)) RecordStructure.create(['b'], definition)
    expect(RecordStructure.known(Buffer.from(first))).toBe(structure)
    RecordStructure.create(['b'], more[511] as Buffer)
    expect(RecordStructure.known(first)).toBeUndefined()
    expect(RecordStructure.known(more[511] as Buffer)).toBeDefined()

    const [long, tooLong] = [Buffer.alloc(2048, 1), Buffer.alloc(2049, 1)]
    for (const definition of [long, tooLong]) RecordStructure.create(['c'], definition)
    expect(RecordStructure.known(long)).toBeDefined()
    expect(RecordStructure.known(tooLong)).toBeUndefined()
  })

  it('is a copy, and found only where all of its bytes stand', async () => {
    const { RecordStructure } = await fresh()
    const definition = Buffer.from('abc')
    const structure = RecordStructure.create(['a'], definition)
    definition.fill(0)
    expect(structure.isDefinedAt(Buffer.from('-abc-'), 1)).toBe(true)
    expect(structure.isDefinedAt(Buffer.from('-abc'), 1)).toBe(true)
    expect(structure.isDefinedAt(Buffer.from('-ab'), 1)).toBe(false)
    expect(structure.isDefinedAt(Buffer.from('-abd-'), 1)).toBe(false)
    expect(structure.isDefinedAt(Buffer.from('-xbc-'), 1)).toBe(false)
  })
})

describe('short texts', () => {
  it.each([
    ['with a function made for them', watchFunctions],
    ['where none may be made', refuseFunctions],
  ])('are read %s', async (_, prepare) => {
    const made = prepare()
    vi.resetModules()
    const { SHORT_TEXT_BYTES, shortText } = await import('./short-text.ts')
    const all = Buffer.from('.0123456789abcdefghijklmnopqrstuvwxyz').subarray(1)
    for (let length = 0; length <= SHORT_TEXT_BYTES; length++) {
      expect(shortText(all, 3, length)).toBe(all.toString('latin1', 3, 3 + length))
    }
    expect(made.sources).toHaveLength(1)
  })
})
