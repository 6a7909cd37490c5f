import { memoryEnvironment, MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { codeOf, filesOf, openHarness, readAll, segmentsOf, STORE, text } from './log-harness.fixture.ts'

const options = { segmentBytes: 4096, syncIntervalMs: 60_000 }
const RECORDS = 12

/** A store with several small segments, cleanly closed: each time that it is opened it begins another. */
async function closedStore(seed = 1): Promise<Map<string, Buffer>> {
  const environment = memoryEnvironment(new MemoryFileSystem(), seed)
  for (let i = 1; i <= RECORDS; i += 4) {
    const store = await openHarness(environment, options)
    await store.append(text(i, 20), 'os')
    await store.appendAll([text(i + 1, 20), text(i + 2, 20)])
    await store.append(text(i + 3, 20))
    await store.close()
  }
  const files = filesOf(environment.files)
  expect(segmentsOf(MemoryFileSystem.of(files))).toHaveLength(RECORDS / 4)
  return files
}

const ALL = Array.from({ length: RECORDS }, (_, i) => `${i + 1}:${text(i + 1, 20)}`)

/** Typed, and about what is damaged. */
const REFUSALS = new Set([
  'CORRUPT',
  'MANIFEST_CORRUPT',
  'MANIFEST_MISSING',
  'UNSUPPORTED_FORMAT',
  'FOREIGN_FILE',
  'GAP',
])

/**
 * Opens a damaged store: `intact` if every record is there and the store works on, the code of a refusal that
 * changed no byte, or what went wrong.
 */
async function outcome(damaged: ReadonlyMap<string, Buffer>, seed: number): Promise<string> {
  const files = MemoryFileSystem.of(damaged)
  const environment = memoryEnvironment(files, seed)
  let store: Awaited<ReturnType<typeof openHarness>>
  try {
    store = await openHarness(environment, options)
  } catch (error) {
    const code = codeOf(error) ?? ''
    if (!REFUSALS.has(code)) return `an untyped refusal: ${String(error)}`
    const after = filesOf(files)
    const same =
      after.size === damaged.size && [...damaged].every(([path, bytes]) => after.get(path)?.equals(bytes))
    return same ? code : `${code}, and it changed something`
  }
  const records = await readAll(store.log).catch((error: unknown) => [String(error)])
  await store.close()
  return records.length === ALL.length && records.every((record, i) => record === ALL[i])
    ? 'intact'
    : `silently ${records.length} records`
}

async function countOutcomes(cases: Iterable<ReadonlyMap<string, Buffer>>): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  let seed = 1
  for (const damaged of cases) {
    const result = await outcome(damaged, seed++)
    counts.set(result, (counts.get(result) ?? 0) + 1)
  }
  return counts
}

function* truncations(files: ReadonlyMap<string, Buffer>, path: string): Generator<Map<string, Buffer>> {
  const bytes = files.get(path) as Buffer
  for (let length = 0; length < bytes.length; length++)
    yield new Map(files).set(path, bytes.subarray(0, length))
}

/** The same buffer each time, with one bit the other way: what is made of it is copied at once. */
function* flips(files: ReadonlyMap<string, Buffer>, path: string, step = 1): Generator<Map<string, Buffer>> {
  const bytes = Buffer.from(files.get(path) as Buffer)
  const damaged = new Map(files).set(path, bytes)
  for (let bit = 0; bit < bytes.length * 8; bit += step) {
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    yield damaged
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
  }
}

const expected = (counts: Map<string, number>): string[] =>
  [...counts.keys()].filter((key) => key !== 'intact' && !REFUSALS.has(key))

async function flipInSegments(step: number): Promise<void> {
  const files = await closedStore()
  const total = new Map<string, number>()
  for (const path of segmentsOf(MemoryFileSystem.of(files))) {
    const counts = await countOutcomes(flips(files, path, step))
    expect(expected(counts)).toEqual([])
    for (const [key, count] of counts) total.set(key, (total.get(key) ?? 0) + count)
  }
  expect((total.get('CORRUPT') ?? 0) / [...total.values()].reduce((a, b) => a + b)).toBeGreaterThan(0.8)
}

describe('after a clean close, either every record is intact or a typed refusal has changed no byte', () => {
  it('for every length that the last segment is cut to', async () => {
    const files = await closedStore()
    const path = segmentsOf(MemoryFileSystem.of(files)).at(-1) as string
    const counts = await countOutcomes(truncations(files, path))
    expect(expected(counts)).toEqual([])
    // Only the footer and the mark can go without a loss; anything more is noticed.
    expect(counts.get('CORRUPT')).toBeGreaterThan(700)
  })

  it('for every length that any other segment and the manifest are cut to', { tags: ['long'] }, async () => {
    const files = await closedStore()
    const paths = [...segmentsOf(MemoryFileSystem.of(files)).slice(0, -1), `${STORE}/MANIFEST`]
    for (const path of paths) expect(expected(await countOutcomes(truncations(files, path)))).toEqual([])
  })

  it('for a bit in every fourth byte of every segment', async () => {
    await flipInSegments(33)
  })

  it('for every single bit in every segment', { tags: ['long'], timeout: 120_000 }, async () => {
    await flipInSegments(1)
  })

  it('for every single bit in the manifest', async () => {
    const files = await closedStore()
    const counts = await countOutcomes(flips(files, `${STORE}/MANIFEST`))
    expect([...counts.keys()]).toEqual(['MANIFEST_CORRUPT'])
  }, 60_000)

  it('for every file that is missing', async () => {
    const files = await closedStore()
    for (const path of [...segmentsOf(MemoryFileSystem.of(files)), `${STORE}/MANIFEST`]) {
      const damaged = new Map(files)
      damaged.delete(path)
      expect(['CORRUPT', 'MANIFEST_MISSING']).toContain(await outcome(damaged, 1))
    }
  })

  it('for segments that are swapped, duplicated, misnamed, or from another store', async () => {
    const files = await closedStore()
    const other = await closedStore(77)
    const paths = segmentsOf(MemoryFileSystem.of(files))
    const [first, second] = paths as [string, string]
    const bytes = (path: string): Buffer => files.get(path) as Buffer
    const misnamed = second.replace(/wal\/\d{20}/, `wal/${'7'.padStart(20, '0')}`)
    const duplicate = second.replace(/\d{10}\.wal/, '0000000099.wal')
    const cases: Record<string, { damaged: Map<string, Buffer>; outcome: string }> = {
      swapped: {
        damaged: new Map(files).set(first, bytes(second)).set(second, bytes(first)),
        outcome: 'CORRUPT',
      },
      'one in the place of another': {
        damaged: new Map(files).set(first, bytes(second)),
        outcome: 'CORRUPT',
      },
      'under another sequence': {
        damaged: without(files, second).set(misnamed, bytes(second)),
        outcome: 'CORRUPT',
      },
      'twice under one id': { damaged: new Map(files).set(misnamed, bytes(second)), outcome: 'CORRUPT' },
      'a copy under an id that nothing names': {
        damaged: new Map(files).set(duplicate, bytes(second)),
        outcome: 'intact',
      },
      'of another store, in the place of one of ours': {
        damaged: new Map(files).set(first, other.get(first) as Buffer),
        outcome: 'FOREIGN_FILE',
      },
      'of another store, beside ours': {
        damaged: new Map(files).set(duplicate, other.get(first) as Buffer),
        outcome: 'intact',
      },
    }
    for (const [name, { damaged, outcome: wanted }] of Object.entries(cases))
      expect(`${name}: ${await outcome(damaged, 1)}`).toBe(`${name}: ${wanted}`)
  })

  it('for damage in the middle that whole frames follow: nothing is cut, and the refusal says where and what', async () => {
    const files = await closedStore()
    const path = segmentsOf(MemoryFileSystem.of(files)).at(-1) as string
    const bytes = Buffer.from(files.get(path) as Buffer)
    bytes.fill(0, 512, 520)
    const damaged = MemoryFileSystem.of(new Map(files).set(path, bytes))
    const error = await openHarness(memoryEnvironment(damaged)).catch((refusal: unknown) => refusal)
    expect(error).toMatchObject({ code: 'CORRUPT', path, offset: 512, details: { provenSeq: RECORDS } })
    expect(damaged.snapshot().get(path)).toEqual(bytes)
  })
})

function without(files: ReadonlyMap<string, Buffer>, path: string): Map<string, Buffer> {
  const rest = new Map(files)
  rest.delete(path)
  return rest
}
