import { describe, expect, it } from 'vitest'
import { openBytes, codeOf, readBytes, type StoredSnapshot, storedSnapshot } from './snapshots.fixture.ts'
import { numbers } from './values.fixture.ts'

const small = [{ id: 1, name: 'Anna' }, { id: 2, name: 'Bert' }, 'text', new Map([['key', [1, 2, 3]]])]
const repetitive = [{ text: 'a text that zstd makes smaller. '.repeat(20), list: numbers(40) }]
const large = [
  { list: numbers(20_000), text: 'ü'.repeat(200_000), bytes: new Uint8Array(100_000) },
  ...numbers(50_000),
]

/** What reading says: by decoding all values, and by verifying without. */
async function verdicts(bytes: Buffer, { name, storeId }: StoredSnapshot): Promise<unknown[]> {
  return [
    await codeOf(readBytes(bytes, name, storeId)),
    await codeOf(openBytes(bytes, name, storeId).then((reader) => reader.verify())),
  ]
}

const corrupt = ['SNAPSHOT_CORRUPT', 'SNAPSHOT_CORRUPT']

describe('a damaged snapshot', () => {
  for (const [title, values, compression] of [
    ['uncompressed', small, 'none'],
    ['compressed', repetitive, 'zstd'],
  ] as const) {
    it(`is found out by every flipped bit (${title})`, async () => {
      const stored = await storedSnapshot(values, { compression })
      const bytes = Buffer.from(stored.bytes)
      expect(await readBytes(bytes, stored.name)).toEqual(values)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const mask = 1 << (bit & 7)
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ mask
        expect(await verdicts(bytes, stored), `bit ${bit}`).toEqual(corrupt)
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ mask
      }
    })

    it(`is found out at every length that it is cut to, and with anything behind it (${title})`, async () => {
      const stored = await storedSnapshot(values, { compression })
      for (let length = 0; length < stored.bytes.length; length++) {
        expect(await verdicts(stored.bytes.subarray(0, length), stored), `length ${length}`).toEqual(corrupt)
      }
      for (const tail of [Buffer.alloc(1), Buffer.alloc(512), Buffer.from('more'), stored.bytes]) {
        expect(await verdicts(Buffer.concat([stored.bytes, tail]), stored)).toEqual(corrupt)
      }
    })
  }

  it('is found out in chunks that hold parts of one value: bits, sectors and cuts all over the file', {
    tags: ['long'],
  }, async () => {
    const stored = await storedSnapshot(large)
    const { bytes } = stored
    expect(bytes.length).toBeGreaterThan(512 * 1024)
    for (let at = 0; at < bytes.length; at += 8191) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] as number) ^ 0x10
      expect(await verdicts(flipped, stored)).toEqual(corrupt)
      const torn = Buffer.from(bytes)
      const sector = at & ~511
      if (torn.fill(0, sector, sector + 512).equals(bytes)) continue
      expect(await verdicts(torn, stored)).toEqual(corrupt)
      expect(await verdicts(bytes.subarray(0, at), stored)).toEqual(corrupt)
    }
  })

  it('is found out when whole chunks are lost, doubled or swapped, or come from another snapshot', {
    tags: ['long'],
  }, async () => {
    const stored = await storedSnapshot(numbers(200_000))
    const other = await storedSnapshot(numbers(200_000))
    const [header, ...rest] = framesOf(stored.bytes) as [Buffer, ...Buffer[]]
    const [first, second, ...more] = rest as [Buffer, Buffer, ...Buffer[]]
    expect(more.length).toBeGreaterThan(0)
    const made = [
      [header, second, ...more],
      [header, first, first, second, ...more],
      [header, second, first, ...more],
      [header, header, first, second, ...more],
      [header, more.at(-1) as Buffer],
      [header, first, ...framesOf(other.bytes).slice(2)],
      [...framesOf(other.bytes).slice(0, 1), first, second, ...more],
      [first, second, ...more],
    ]
    for (const frames of made) {
      const codes = await verdicts(Buffer.concat(frames), stored)
      expect(['SNAPSHOT_CORRUPT', 'FOREIGN_FILE']).toContain(codes[0])
      expect(codes[1]).toBe(codes[0])
    }
  })

  it('says where, and what to do', async () => {
    const { bytes, name } = await storedSnapshot(small)
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1
    const error = await readBytes(bytes, name).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      path: `/memory/${name}`,
      offset: expect.any(Number) as number,
    })
    expect(String(error)).toContain('a payload with a wrong checksum')
  })
})

/** By the lengths in sound headers. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 16 + ((bytes.readUInt32LE(at + 4) + 7) & ~7)
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return frames
}
