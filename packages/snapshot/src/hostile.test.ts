import { crc32 } from 'node:zlib'
import { MAX_DEPTH, messagePackCodec } from '@holdfast/codec'
import { encodeFrame, FORMAT_SEED, FRAME_HEADER_BYTES, frameBytes } from '@holdfast/framing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunksOf, valuesOf } from './chunks.fixture.ts'
import { CONTAINER } from './container.ts'
import { closeOp, forgeChunk, forgedHeader, forgeSnapshot, openOp, valuesOp } from './forge.fixture.ts'
import { FOOTER_BYTES } from './footer.ts'
import { FLAG_ZSTD, KIND, MAX_CHUNK_BYTES } from './format.ts'
import { encodeHeader } from './header.ts'
import { openBytes, readBytes } from './snapshots.fixture.ts'
import { anyState, numbers } from './values.fixture.ts'

function encoded(...values: unknown[]): Buffer {
  const encoder = messagePackCodec.encoder()
  for (const value of values) encoder.add(value)
  const bytes = Buffer.alloc(encoder.bytes)
  encoder.copyTo(bytes, 0)
  return bytes
}

const one = forgeChunk(1, valuesOp(1), encoded('sound'))

function errorOf(payload: Buffer, bytesLeft = 0): unknown {
  try {
    valuesOf([payload], { bytesLeft })
  } catch (error) {
    return error
  }
  return undefined
}

describe('a chunk whose checksum is right and whose content is not', () => {
  const { array, object, map, set, string, uint8Array, float64Array } = CONTAINER
  const text = new TextEncoder().encode('text')
  const huge = 2 ** 50
  const cases: Record<string, Buffer> = {
    'more values than bytes': forgeChunk(2 ** 31, valuesOp(2 ** 31), encoded(1)),
    'more values than the bytes hold': forgeChunk(2, valuesOp(2), encoded('long enough for two')),
    'fewer values than the bytes hold': forgeChunk(1, valuesOp(1), encoded(1, 2)),
    'ops that reach past the end': Buffer.from([0, 0, 0, 0, 9, 0, 0, 0, 1]),
    'an op that is cut off': forgeChunk(1, [1, 1, 0], encoded(1)),
    'an op that there is not': forgeChunk(1, [3], encoded(1)),
    'an op that counts no values': forgeChunk(1, [...valuesOp(0), ...valuesOp(1)], encoded(1)),
    'ops that take more values than there are': forgeChunk(1, valuesOp(2), encoded(1)),
    'ops that take fewer values than there are': forgeChunk(2, valuesOp(1), encoded(1, 2)),
    'a close without an open': forgeChunk(0, closeOp),
    'an open without a close': forgeChunk(0, openOp(array, 0)),
    'a container of an unknown kind': forgeChunk(0, [...openOp(17, 0), ...closeOp]),
    'an array with fewer items': forgeChunk(1, [...openOp(array, 2), ...valuesOp(1), ...closeOp], encoded(1)),
    'an array with more items': forgeChunk(
      2,
      [...openOp(array, 1), ...valuesOp(2), ...closeOp],
      encoded(1, 2),
    ),
    'a key without a value': forgeChunk(1, [...openOp(map, 1), ...valuesOp(1), ...closeOp], encoded(1)),
    'a key behind the last entry': forgeChunk(
      3,
      [...openOp(map, 1), ...valuesOp(3), ...closeOp],
      encoded(1, 2, 3),
    ),
    'a map with fewer entries': forgeChunk(2, [...openOp(map, 2), ...valuesOp(2), ...closeOp], encoded(1, 2)),
    'a set with more members': forgeChunk(2, [...openOp(set, 1), ...valuesOp(2), ...closeOp], encoded(1, 2)),
    'a map with more entries': forgeChunk(
      4,
      [...openOp(map, 1), ...valuesOp(4), ...closeOp],
      encoded(1, 2, 3, 4),
    ),
    'a key that stands twice': forgeChunk(
      4,
      [...openOp(map, 2), ...valuesOp(4), ...closeOp],
      encoded(1, 2, 1, 3),
    ),
    'a name that stands twice': forgeChunk(
      4,
      [...openOp(object, 2), ...valuesOp(4), ...closeOp],
      encoded('a', 2, 'a', 3),
    ),
    'a name that is no string': forgeChunk(
      2,
      [...openOp(object, 1), ...valuesOp(2), ...closeOp],
      encoded(1, 2),
    ),
    '__proto__ for a name': forgeChunk(
      2,
      [...openOp(object, 1), ...valuesOp(2), ...closeOp],
      encoded('__proto__', 2),
    ),
    'a member that stands twice': forgeChunk(
      2,
      [...openOp(set, 2), ...valuesOp(2), ...closeOp],
      encoded(1, 1),
    ),
    'a set with fewer members': forgeChunk(1, [...openOp(set, 2), ...valuesOp(1), ...closeOp], encoded(1)),
    'a piece of string that is no bytes': forgeChunk(
      1,
      [...openOp(string, 4), ...valuesOp(1), ...closeOp],
      encoded('text'),
    ),
    'a piece of string that is not UTF-8': forgeChunk(
      1,
      [...openOp(string, 1), ...valuesOp(1), ...closeOp],
      encoded(new Uint8Array([0xff])),
    ),
    'a string that is longer': forgeChunk(
      1,
      [...openOp(string, 3), ...valuesOp(1), ...closeOp],
      encoded(text),
    ),
    'a string that is shorter': forgeChunk(
      1,
      [...openOp(string, 5), ...valuesOp(1), ...closeOp],
      encoded(text),
    ),
    'a string that no engine holds': forgeChunk(1, [...openOp(string, huge), ...valuesOp(1)], encoded(text)),
    'bytes that are no bytes': forgeChunk(
      1,
      [...openOp(uint8Array, 4), ...valuesOp(1), ...closeOp],
      encoded('text'),
    ),
    'bytes that are more': forgeChunk(
      1,
      [...openOp(uint8Array, 3), ...valuesOp(1), ...closeOp],
      encoded(text),
    ),
    'bytes that are fewer': forgeChunk(
      1,
      [...openOp(uint8Array, 5), ...valuesOp(1), ...closeOp],
      encoded(text),
    ),
    'bytes that no memory holds': forgeChunk(0, [...openOp(uint8Array, 2 ** 53 - 1)]),
    'half an element': forgeChunk(1, [...openOp(float64Array, 4), ...valuesOp(1), ...closeOp], encoded(text)),
    'a value inside a string': forgeChunk(0, [...openOp(string, 4), ...openOp(array, 0), ...closeOp]),
    'bytes inside bytes': forgeChunk(
      1,
      [...openOp(uint8Array, 4), ...openOp(uint8Array, 4), ...valuesOp(1), ...closeOp, ...closeOp],
      encoded(text),
    ),
    'containers that are too deep': forgeChunk(
      1,
      [
        ...numbers(MAX_DEPTH + 1).flatMap(() => openOp(array, 1)),
        ...valuesOp(1),
        ...numbers(MAX_DEPTH + 1).flatMap(() => closeOp),
      ],
      encoded(1),
    ),
  }

  for (const [title, payload] of Object.entries(cases)) {
    it(`is refused: ${title}`, async () => {
      expect(errorOf(payload)).toMatchObject({ code: 'DECODE_FAILED' })
      const { bytes, name } = forgeSnapshot([{ payload: one }, { payload }], { footer: { entries: 2 } })
      const error = await readBytes(bytes, name).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'SNAPSHOT_CORRUPT', path: expect.stringContaining(name) as string })
    })
  }

  it('takes no memory for a size that nothing stands behind', () => {
    const sizes = numbers(200).flatMap(() => openOp(uint8Array, 2 ** 32))
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; round < 200; round++) {
      expect(errorOf(forgeChunk(0, sizes), 1000)).toMatchObject({ code: 'DECODE_FAILED' })
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('believes a size as far as the file has bytes, and past that twice what has come', () => {
    const bytes = new Uint8Array(10_000_000).map((_, index) => index)
    for (const bytesLeft of [0, 100_000, 20_000_000]) {
      const [found] = valuesOf(chunksOf([bytes]), { bytesLeft }) as [Uint8Array]
      expect(Buffer.compare(found, bytes)).toBe(0)
      expect(found.buffer.byteLength).toBe(bytes.length)
    }
  })

  it('property: any bytes of a chunk changed are refused or decode to something, and nothing else is thrown', {
    tags: ['long'],
  }, () => {
    const edit = fc.record({ at: fc.nat(), byte: fc.nat(255) })
    fc.assert(
      fc.property(anyState, fc.array(edit, { minLength: 1, maxLength: 4 }), (values, edits) => {
        for (const payload of chunksOf(values).slice(0, 2)) {
          for (const { at, byte } of edits) payload[at % Math.min(payload.length, 200)] = byte
          const error = errorOf(payload) as { code?: string } | undefined
          expect(['DECODE_FAILED', 'nothing']).toContain(error === undefined ? 'nothing' : error.code)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a file whose checksums are right and whose frames are not', () => {
  async function codes({ bytes, name }: { bytes: Buffer; name: string }): Promise<unknown[]> {
    const runs = [readBytes(bytes, name), openBytes(bytes, name).then((reader) => reader.verify())]
    return Promise.all(runs.map((run) => codeInFile(run, name)))
  }
  /** The code of what this ends with, which says which file it is. */
  async function codeInFile(run: Promise<unknown>, name: string): Promise<unknown> {
    const error = (await run.then(
      () => undefined,
      (reason: unknown) => reason,
    )) as { code: string; path?: string } | undefined
    return error === undefined || error.path?.endsWith(name) === true ? error?.code : `${error.code} nowhere`
  }
  const corrupt = ['SNAPSHOT_CORRUPT', 'SNAPSHOT_CORRUPT']
  const footerFrame = frameBytes(FOOTER_BYTES)

  /** Changes the header of the frame at `at`, and makes its checksum right again. */
  function changeHeader(bytes: Buffer, at: number, change: (header: Buffer) => void): void {
    const header = bytes.subarray(at, at + FRAME_HEADER_BYTES)
    change(header)
    header.writeUInt32LE(crc32(header.subarray(0, 12), forgedHeader.salt), 12)
  }

  it('reads what the forger makes right', async () => {
    expect(await codes(forgeSnapshot([{ payload: one }]))).toEqual([undefined, undefined])
  })

  it('says where the damage is', async () => {
    const { bytes, name } = forgeSnapshot([{ payload: one }, { payload: Buffer.from([1]) }], {
      footer: { entries: 2 },
    })
    const at = bytes.length - footerFrame - frameBytes(1)
    await expect(readBytes(bytes, name)).rejects.toMatchObject({ code: 'SNAPSHOT_CORRUPT', offset: at })
    bytes.writeUInt8(bytes.readUInt8(at + FRAME_HEADER_BYTES) ^ 1, at + FRAME_HEADER_BYTES)
    await expect(readBytes(bytes, name)).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      offset: at,
      details: { reason: expect.any(String) as string },
    })
    const wrong = forgeSnapshot([{ payload: one }], { footer: { chunks: 2 } })
    await expect(readBytes(wrong.bytes, wrong.name)).rejects.toMatchObject({
      offset: expect.any(Number) as number,
    })
  })

  it('counts what the footer counts', async () => {
    const sound = { chunks: 1, payloadBytes: one.length }
    for (const footer of [
      { ...sound, chunks: 2 },
      { ...sound, payloadBytes: 1 },
      { ...sound, digest: '00'.repeat(32) },
      { ...sound, frames: 1 },
    ]) {
      expect(await codes(forgeSnapshot([{ payload: one }], { footer }))).toEqual(corrupt)
    }
    const open = { payload: forgeChunk(0, openOp(CONTAINER.array, 0)) }
    const counted = { footer: { entries: 1 } }
    expect(await codes(forgeSnapshot([{ payload: one }, open], counted))).toEqual([
      'SNAPSHOT_CORRUPT',
      undefined,
    ])
    // Only decoding finds out how many values there are.
    expect(await codes(forgeSnapshot([{ payload: one }], { footer: { entries: 2 } }))).toEqual([
      'SNAPSHOT_CORRUPT',
      undefined,
    ])
    const { bytes, name } = forgeSnapshot([{ payload: one }])
    for (const length of [FOOTER_BYTES - 8, FOOTER_BYTES + 8]) {
      const footer = encodeFrame({ kind: KIND.footer, payload: Buffer.alloc(length) }, forgedHeader.salt)
      expect(await codes({ bytes: Buffer.concat([bytes.subarray(0, -footerFrame), footer]), name })).toEqual(
        corrupt,
      )
    }
  })

  it('takes no chunk that is larger than the format allows', async () => {
    const payload = forgeChunk(1, valuesOp(1), encoded(new Uint8Array(MAX_CHUNK_BYTES)))
    expect(await codes(forgeSnapshot([{ payload }]))).toEqual(corrupt)
  })

  it('takes no compressed frame where there can be none, or that is not what it says', async () => {
    const { zstd } = await import('./compression.ts')
    const compressed = (await zstd?.compress(one)) as Buffer
    const sized = (bytes: number) => Buffer.concat([Buffer.from(Uint32Array.of(bytes).buffer), compressed])
    const zipped = { header: { compression: 'zstd' } } as const
    expect(await codes(forgeSnapshot([{ payload: sized(one.length), flags: FLAG_ZSTD }]))).toEqual(corrupt)
    for (const payload of [
      sized(one.length + 1),
      sized(one.length - 1),
      sized(0),
      sized(2 ** 32 - 1),
      sized(one.length).subarray(0, -3),
      Buffer.from([1, 2]),
      Buffer.from([1, 0, 0, 0, 9, 9, 9, 9]),
    ]) {
      expect(await codes(forgeSnapshot([{ payload, flags: FLAG_ZSTD }], zipped))).toEqual(corrupt)
    }
    const bomb = (await zstd?.compress(Buffer.alloc(64 * 1024 * 1024))) as Buffer
    const payload = Buffer.concat([Buffer.from(Uint32Array.of(MAX_CHUNK_BYTES).buffer), bomb])
    expect(await codes(forgeSnapshot([{ payload, flags: FLAG_ZSTD }], zipped))).toEqual(corrupt)
  })

  it('steps over frames that may be stepped over, and vouches for them all the same', async () => {
    const note = { kind: 0x80, payload: Buffer.from('from a newer minor version') }
    const { bytes, name } = forgeSnapshot([note, { payload: one }, note])
    expect(await readBytes(bytes, name)).toEqual(['sound'])
    const lastNote = footerFrame + frameBytes(note.payload.length)
    expect(
      await codes({
        bytes: Buffer.concat([bytes.subarray(0, -lastNote), bytes.subarray(-footerFrame)]),
        name,
      }),
    ).toEqual(corrupt)
  })

  it('refuses what a newer version of the format wrote, by its frames', async () => {
    const newer = ['UNSUPPORTED_FORMAT', 'UNSUPPORTED_FORMAT']
    expect(await codes(forgeSnapshot([{ payload: one }, { kind: 9, payload: one }]))).toEqual(newer)
    expect(await codes(forgeSnapshot([{ payload: one, flags: 2 }]))).toEqual(newer)
    expect(await codes(forgeSnapshot([{ kind: KIND.header, payload: one }]))).toEqual(corrupt)
    const { bytes, name } = forgeSnapshot([{ payload: one }])
    changeHeader(bytes, bytes.length - footerFrame - frameBytes(one.length), (header) => header.writeUInt8(2))
    expect(await codes({ bytes, name })).toEqual(newer)
  })

  it('takes no file that begins with something else, or with nothing', async () => {
    const whole = encodeHeader(forgedHeader)
    const headerPayload = Buffer.from(
      whole.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + whole.readUInt32LE(4)),
    )
    const { name, bytes } = forgeSnapshot([{ payload: one }])
    expect(await codes({ name, bytes: bytes.subarray(0, 0) })).toEqual(corrupt)
    for (const frame of [
      { kind: KIND.chunk, payload: one },
      { kind: KIND.header, flags: FLAG_ZSTD, payload: one },
      // The header itself, as something else.
      { kind: KIND.chunk, payload: headerPayload },
      { kind: KIND.header, flags: FLAG_ZSTD, payload: headerPayload },
    ]) {
      const headerFrame = encodeFrame(frame, FORMAT_SEED)
      expect(await codes(forgeSnapshot([{ payload: one }], { headerFrame }))).toEqual([
        'FOREIGN_FILE',
        'FOREIGN_FILE',
      ])
    }
  })

  it('takes no footer that is said to be compressed', async () => {
    const { bytes, name } = forgeSnapshot([{ payload: one }])
    changeHeader(bytes, bytes.length - footerFrame, (header) => header.writeUInt16LE(FLAG_ZSTD, 2))
    expect(await codes({ bytes, name })).toEqual(corrupt)
  })

  it('refuses what a newer version of the format wrote, by its header', async () => {
    const frame = encodeHeader({ ...forgedHeader, note: Buffer.from('note') })
    const payload = Buffer.from(frame.subarray(16, 16 + frame.readUInt32LE(4)))
    const withHeader = (change: (bytes: Buffer) => Buffer | void) => {
      const copy = Buffer.from(payload)
      const changed = change(copy) ?? copy
      return forgeSnapshot([{ payload: one }], {
        headerFrame: encodeFrame({ kind: KIND.header, payload: changed }, FORMAT_SEED),
      })
    }
    const refused = (code: string) => [code, code]
    expect(await codes(withHeader(() => {}))).toEqual([undefined, undefined])
    expect(await codes(withHeader((bytes) => void bytes.writeUInt16LE(2, 8)))).toEqual(
      refused('UNSUPPORTED_FORMAT'),
    )
    // Behind the version, a newer format may look like anything.
    expect(await codes(withHeader((bytes) => (bytes.writeUInt16LE(2, 8), bytes.subarray(0, 10))))).toEqual(
      refused('UNSUPPORTED_FORMAT'),
    )
    expect(await codes(withHeader((bytes) => void bytes.writeUInt16LE(0, 8)))).toEqual(corrupt)
    expect(await codes(withHeader((bytes) => void bytes.writeUInt8(2, 10)))).toEqual(corrupt)
    expect(await codes(withHeader((bytes) => void bytes.writeUInt8(1, 11)))).toEqual(corrupt)
    expect(await codes(withHeader((bytes) => bytes.subarray(0, -1)))).toEqual(corrupt)
    expect(await codes(withHeader((bytes) => Buffer.concat([bytes, Buffer.alloc(1)])))).toEqual(corrupt)
    expect(await codes(withHeader((bytes) => void bytes.write('HOLDFWAL', 0)))).toEqual(
      refused('FOREIGN_FILE'),
    )
    expect(await codes(withHeader(() => Buffer.alloc(0)))).toEqual(refused('FOREIGN_FILE'))
    expect(await codes(forgeSnapshot([{ payload: one }], { header: { codec: 'msgpack-2' } }))).toEqual(
      refused('UNSUPPORTED'),
    )
    const version = forgeSnapshot([{ payload: one }])
    version.bytes[0] = 2
    expect(await codes(version)).toEqual(corrupt)
  })
})
