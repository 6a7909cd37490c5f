import { crc32 } from 'node:zlib'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { crashed, edit, refusal, reframe, saltOf } from './crashed-log.fixture.ts'
import { type Change, framesOf, MALFORMED } from './frames.fixture.ts'
import { recovered } from './log-harness.fixture.ts'

type Kind = keyof typeof MALFORMED

/** A log whose fifth batch is torn, with a frame some way behind it. */
async function torn(
  kind: Kind,
  change: Change = () => {},
): Promise<{ files: MemoryFileSystem; path: string; start: number; at: number }> {
  const { files, path, ends } = await crashed()
  const [start, end] = [ends[3], ends[4]] as [number, number]
  const frames = await framesOf(files)
  const at = end + 400
  edit(files, path, (bytes) => {
    bytes.fill(0xa5, end - 100, end)
    frames[kind].copy(bytes, at)
    reframe(bytes, at, saltOf(bytes), change)
  })
  return { files, path, start, at }
}

describe('behind the last readable frame', () => {
  it.each<Kind>(['batch', 'mark', 'footer'])(
    'a %s that says what was durable makes it damage',
    async (kind) => {
      const { files, path, start, at } = await torn(kind)
      expect(await refusal(files)).toMatchObject({
        code: 'CORRUPT',
        path,
        offset: start,
        details: {
          lastReadableSeq: 4,
          provenSeq: 5,
          provenBy: `${path}: a frame at ${at}, behind the damage`,
        },
      })
    },
  )

  it.each<Kind>(['batch', 'mark', 'footer'])('a %s with fields that cannot be says nothing', async (kind) => {
    for (const [name, change] of MALFORMED[kind]) {
      const { files, path, start } = await torn(kind, change)
      const { records, plan } = await recovered(files)
      const { tail } = plan
      expect({ name, records: records.length, tail }).toMatchObject({
        name,
        records: 4,
        tail: { path, offset: start, reason: 'payload-checksum' },
      })
    }
  })

  it('a frame that no writer of this format makes is damage: sound, with a wrong padding or length', async () => {
    const { files, path, ends } = await crashed()
    const end = ends[4] as number
    const salt = saltOf(files.snapshot().get(path) as Buffer)
    const frame = (length: number, rest: Buffer): Buffer => {
      const header = Buffer.from([1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
      header.writeUInt32LE(length, 4)
      header.writeUInt32LE(crc32(rest, salt), 8)
      header.writeUInt32LE(crc32(header.subarray(0, 12), salt), 12)
      return Buffer.concat([header, rest])
    }
    const cases = {
      padding: frame(5, Buffer.alloc(8, 1)),
      length: frame(256 * 1024 * 1024 + 1, Buffer.alloc(8)),
    }
    for (const [reason, bytes] of Object.entries(cases)) {
      const copy = MemoryFileSystem.of(files.snapshot())
      edit(copy, path, (segment) => void bytes.copy(segment, end))
      expect(await refusal(copy)).toMatchObject({
        code: 'CORRUPT',
        path,
        offset: end,
        message: expect.stringContaining(`a frame with sound checksums and a wrong ${reason}`) as unknown,
      })
    }
  })
})
