import { afterEach, describe, expect, it, vi } from 'vitest'
import { encodeFrame } from './encode-frame.ts'
import { FRAME_HEADER_BYTES } from './format.ts'
import { MemorySource } from './memory-source.fixture.ts'
import { mutateFrames, pseudoRandom } from './mutate-frames.fixture.ts'
import { naiveSearch, type NaiveResult } from './naive.fixture.ts'
import { kept } from './read-frames.fixture.ts'
import { SEARCH_WORK_FACTOR, type SearchGaveUp, type SearchOptions, searchFrames } from './search-frames.ts'
import type { ByteSource } from './source-window.ts'

const seed = 0x13579bdf
const kinds = new Set([1, 2])
const rules = { seed, kinds, flags: 1 }

function frame(payload: string | Buffer, kind = 1, flags = 0): Buffer {
  return encodeFrame({ kind, flags, payload: Buffer.from(payload) }, seed)
}

async function search(
  source: ByteSource,
  options: Omit<SearchOptions, keyof typeof rules>,
): Promise<(NaiveResult | SearchGaveUp)[]> {
  const found: (NaiveResult | SearchGaveUp)[] = []
  for await (const each of searchFrames(source, { ...rules, ...options })) {
    found.push(each.type === 'frame' ? kept(each) : each)
  }
  return found
}

function searchBytes(bytes: Buffer, start = 0, windowBytes = 4096): Promise<(NaiveResult | SearchGaveUp)[]> {
  return search(new MemorySource(bytes), { start, end: bytes.length, windowBytes })
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('searchFrames', () => {
  const frames = [
    frame('one'),
    frame('twotwotwo', 2, 1),
    frame(Buffer.alloc(300, 3)),
    frame('skip', 0x90),
    frame('last'),
  ]
  const file = Buffer.concat(frames)
  const all = naiveSearch(file, 0, rules)

  it('finds every frame of a whole file', async () => {
    expect(all).toHaveLength(frames.length)
    expect(await searchBytes(file)).toEqual(all)
  })

  it('finds nothing in nothing, in zeros and in a single byte', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(100_000)]) {
      expect(await searchBytes(bytes)).toEqual([])
    }
  })

  it('finds a frame without a payload at the very end', async () => {
    const last = Buffer.concat([file, frame('')])
    expect(await searchBytes(last)).toEqual(naiveSearch(last, 0, rules))
    expect(await searchBytes(last)).toHaveLength(frames.length + 1)
  })

  it('begins at the next place where a frame may be', async () => {
    expect(await searchBytes(file, 1)).toEqual(all.slice(1))
    expect(await searchBytes(file, 24)).toEqual(all.slice(1))
    expect(await searchBytes(file, 25)).toEqual(all.slice(2))
  })

  it('finds every frame behind any single damaged byte', async () => {
    for (let at = 0; at < file.length; at++) {
      const damaged = Buffer.from(file)
      damaged[at] = (damaged[at] as number) ^ 0xff
      const hit = all.findIndex((result) => result.type === 'frame' && at < result.end)
      expect(await searchBytes(damaged, 0, 64)).toEqual(all.filter((_, index) => index !== hit))
    }
  })

  it('does not find frames of another seed, of unknown kinds or with unknown flags', async () => {
    const foreign = encodeFrame({ kind: 1, payload: Buffer.from('foreign') }, seed ^ 1)
    const found = await searchBytes(
      Buffer.concat([foreign, frame('kind', 3), frame('flags', 1, 2), frame('known')]),
    )
    expect(found).toMatchObject([{ type: 'frame', payload: Buffer.from('known').toString('hex') }])
  })

  it('does not look inside a valid frame, and does inside a damaged one', async () => {
    const outer = frame(Buffer.concat([frame('inner one'), frame('inner two')]))
    expect(await searchBytes(outer)).toHaveLength(1)
    outer[outer.length - 1] = 1
    expect(await searchBytes(outer)).toMatchObject([{ offset: FRAME_HEADER_BYTES }])
  })

  it('finds the same as the plain reading of the format in files that were mutated in any way', async () => {
    for (let round = 0; round < 1000; round++) {
      const random = pseudoRandom(round)
      const mutated = mutateFrames(file, seed, random)
      const start = random(40)
      const source = new MemorySource(mutated, () => 1 + random(100))
      const found = await search(source, {
        start,
        end: Math.max(start, mutated.length),
        windowBytes: 1 + random(200),
      })
      expect(found, `round ${round}`).toEqual(naiveSearch(mutated, start, rules))
    }
  })

  it('searches a source that ends early as far as it goes', async () => {
    const source = new MemorySource(file.subarray(0, file.length - 8))
    expect(await search(source, { start: 0, end: file.length * 2 })).toEqual(all.slice(0, -1))
  })

  it('throws the error of the source unchanged', async () => {
    const failure = new Error('EIO')
    const source = { read: (): Promise<number> => Promise.reject(failure) }
    await expect(search(source, { start: 0, end: 100 })).rejects.toBe(failure)
  })
})

describe('a search in bytes that were made to be searched', () => {
  /** Sound headers at every possible place, each of a frame that ends where the file does, and none valid. */
  function nested(bytes: number, kind = 1): Buffer {
    const file = Buffer.alloc(bytes)
    for (let at = bytes - FRAME_HEADER_BYTES - 8; at >= 0; at -= FRAME_HEADER_BYTES) {
      const payload = bytes - at - FRAME_HEADER_BYTES
      encodeFrame({ kind, payload: Buffer.alloc(payload, 0xff) }, seed).copy(file, at, 0, FRAME_HEADER_BYTES)
    }
    return file
  }

  it('gives up at its bound, and says from where on', async () => {
    const file = nested(16 * 1024)
    const source = new MemorySource(file)
    const found = await search(source, { start: 0, end: file.length, windowBytes: 4096 })
    // The first header stands at 8, and as many frames as the bound allows files are not quite that long.
    expect(found).toEqual([{ type: 'gave-up', offset: 8 + FRAME_HEADER_BYTES * SEARCH_WORK_FACTOR }])
    // Each frame is read at most twice: into a buffer of its own, and into the window behind its header.
    expect(source.bytesRead).toBeLessThan((SEARCH_WORK_FACTOR + 2) * 2 * file.length)
  })

  it('of a range in a long file, after work for that range', async () => {
    const range = nested(16 * 1024)
    const start = 1024 * 1024
    const file = Buffer.concat([Buffer.alloc(start), range])
    expect(await searchBytes(file, start)).toEqual([
      { type: 'gave-up', offset: start + 8 + FRAME_HEADER_BYTES * SEARCH_WORK_FACTOR },
    ])
  })

  it('what was found before that counts', async () => {
    const file = Buffer.concat([frame('found'), nested(16 * 1024)])
    expect((await searchBytes(file)).map((each) => each.type)).toEqual(['frame', 'gave-up'])
  })

  it('a few of them stop nothing', async () => {
    const file = Buffer.concat([nested(88), frame('behind')])
    expect((await searchBytes(file)).map((each) => each.type)).toEqual(['frame'])
  })

  it('those of unknown kinds cost nothing', async () => {
    const file = Buffer.concat([nested(16 * 1024, 3), frame('behind')])
    expect((await searchBytes(file)).map((each) => each.type)).toEqual(['frame'])
  })

  it('headers that claim more than there is cost no payload and no memory', async () => {
    const hostile = encodeFrame({ kind: 1, payload: Buffer.alloc(100_000) }, seed).subarray(
      0,
      FRAME_HEADER_BYTES,
    )
    const file = Buffer.concat([...Array.from({ length: 1000 }, () => hostile), frame('behind')])
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const source = new MemorySource(file)
    const found = await search(source, { start: 0, end: file.length, windowBytes: 4096 })
    expect(found).toMatchObject([{ type: 'frame', offset: 16_000 }])
    expect(allocate.mock.calls).toEqual([[4096]])
    expect(source.bytesRead).toBe(file.length)
  })
})
