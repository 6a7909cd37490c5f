import { mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Codec, messagePackCodec } from '@holdfast/codec'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Wal } from './wal.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-wal-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

async function texts(wal: Wal, from?: number): Promise<string[]> {
  const out: string[] = []
  for await (const { seq, value } of wal.read(from === undefined ? {} : { from }))
    out.push(`${seq}:${new TextDecoder().decode(value)}`)
  return out
}

describe('Wal', () => {
  it('gives back what was appended, in order, after a clean close', async () => {
    const wal = await Wal.open(directory)
    expect(await Promise.all([wal.append(bytes('a')), wal.append(bytes('b'))])).toEqual([1, 2])
    expect(await wal.appendAll([bytes('c'), bytes('d')])).toEqual({ firstSeq: 3, lastSeq: 4 })
    expect(wal.durableSeq).toBe(4)
    await wal.close()
    const again = await Wal.open(directory)
    expect(await texts(again)).toEqual(['1:a', '2:b', '3:c', '4:d'])
    expect(again.plan.survivors).toBeUndefined()
    expect(await again.append(bytes('e'))).toBe(5)
    expect(await texts(again, 4)).toEqual(['4:d', '5:e'])
    await again.close()
    const third = await Wal.open(directory)
    expect(third.range).toEqual({ first: 1, last: 5 })
    await third.close()
  })

  it('rotates, reads across segments, and trims whole segments', async () => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 })
    const record = new Uint8Array(1000)
    for (let i = 0; i < 50; i++) await wal.append(record)
    expect(wal.stats().segments).toBeGreaterThan(10)
    let count = 0
    for await (const { seq } of wal.read()) expect(seq).toBe(++count)
    expect(count).toBe(50)
    const trimmed = await wal.trim(30)
    expect(trimmed.firstSeq).toBeGreaterThan(20)
    expect(trimmed.firstSeq).toBeLessThanOrEqual(31)
    await expect(wal.read({ from: 1 }).next()).rejects.toMatchObject({
      code: 'GAP',
      requestedSeq: 1,
      firstSeq: trimmed.firstSeq,
    })
    await wal.close()
    const again = await Wal.open(directory)
    expect(again.range).toEqual({ first: trimmed.firstSeq, last: 50 })
    await again.close()
  })

  it('mixes levels', async () => {
    const wal = await Wal.open(directory, { syncIntervalMs: 60_000 })
    await wal.append(bytes('a'), { durability: 'os' })
    expect(wal.durableSeq).toBe(0)
    await wal.append(bytes('b'))
    expect(wal.durableSeq).toBe(2)
    await wal.append(bytes('c'), { durability: 'os' })
    expect(await wal.sync()).toBe(3)
    await wal.close()
  })

  it('tails', async () => {
    const wal = await Wal.open(directory)
    await wal.append(bytes('a'))
    const abort = new AbortController()
    const seen: number[] = []
    const tailing = (async () => {
      for await (const { seq } of wal.tail({ signal: abort.signal })) {
        seen.push(seq)
        if (seq === 3) abort.abort()
      }
    })()
    await wal.append(bytes('b'))
    await wal.append(bytes('c'))
    await tailing
    expect(seen).toEqual([1, 2, 3])
    await wal.close()
  })

  it('refuses a truncated last segment after a clean close', async () => {
    const wal = await Wal.open(directory)
    await wal.append(bytes('a'))
    await wal.append(bytes('b'))
    await wal.close()
    const [name] = readdirSync(join(directory, 'wal'))
    const path = join(directory, 'wal', name as string)
    await truncate(path, (await stat(path)).size - 150)
    await expect(Wal.open(directory)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('is refused to a codec that did not write it, with nothing changed', async () => {
    const environment = memoryEnvironment()
    const wal = await Wal.open('/store', { environment })
    await wal.append(bytes('a'))
    await wal.close()
    const before = environment.files.snapshot()
    await expect(Wal.open('/store', { environment, codec: messagePackCodec })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      seq: 1,
      message: expect.stringContaining('written with codec bytes-1, and is opened with msgpack-1') as unknown,
    })
    expect(environment.files.snapshot()).toEqual(before)
    await (await Wal.open('/store', { environment })).close()
  })
})

describe('ready', () => {
  it('resolves once an append would not be refused', async () => {
    const wal = await Wal.open('/store', { environment: memoryEnvironment(), maxQueuedBytes: 100 })
    const taken = wal.append(new Uint8Array(100))
    await expect(wal.append(bytes('a'))).rejects.toMatchObject({ code: 'OVERLOADED' })
    await wal.ready()
    expect(await wal.append(bytes('a'))).toBe(2)
    expect(await taken).toBe(1)
    await wal.close()
  })
})

describe('appendAll', () => {
  /** Says that every number takes so many bytes. */
  const huge: Codec<number> = {
    id: 'huge',
    encoder() {
      let count = 0
      let total = 0
      return {
        get count() {
          return count
        },
        get bytes() {
          return total
        },
        add(size) {
          if (size < 0) throw new TypeError('less than nothing')
          count += 1
          total += size
          return size
        },
        mark() {},
        rollback() {},
        copyTo: () => 0,
        reset() {},
      }
    },
    decode: () => [],
  }
  const MIB = 1024 * 1024

  it('is BATCH_TOO_LARGE past what one frame holds, with nothing captured', async () => {
    const wal = await Wal.open('/store', {
      environment: memoryEnvironment(),
      codec: huge,
      maxRecordBytes: 128 * MIB,
    })
    // What a frame holds is 256 MiB, and 16 of them are kept for the note.
    await expect(wal.appendAll([120 * MIB, 120 * MIB])).rejects.toMatchObject({
      code: 'BATCH_TOO_LARGE',
      outcome: 'not-written',
    })
    expect(wal.stats().queuedBytes).toBe(0)
    await wal.close()
  })

  it('is what the codec throws where a record is none, with nothing captured', async () => {
    const wal = await Wal.open('/store', { environment: memoryEnvironment(), codec: huge })
    await expect(wal.appendAll([1, -1])).rejects.toThrow(TypeError)
    expect(wal.stats().queuedBytes).toBe(0)
    await wal.close()
  })

  it('says which record it was that is refused', async () => {
    const wal = await Wal.open('/store', { environment: memoryEnvironment(), maxRecordBytes: 100 })
    await expect(wal.appendAll([bytes('a'), new Uint8Array(100)])).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      details: { index: 1, bytes: 104, maxRecordBytes: 100 },
    })
    await wal.close()
  })
})
