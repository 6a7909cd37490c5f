import { encodeFrame } from '@holdfast/framing'
import type { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { crashed, edit, refusal, reframe, saltOf } from './crashed-log.fixture.ts'
import { type Change, framesOf, MALFORMED } from './frames.fixture.ts'
import { recovered } from './log-harness.fixture.ts'

/** Fields that can be, and are not those of this segment. */
const WRONG_FOOTERS: [string, Change][] = [
  ['another last sequence', (payload) => void payload.writeBigUInt64LE(4n, 0)],
  ['another count', (payload) => void payload.writeBigUInt64LE(4n, 8)],
  ['another digest', (payload) => void payload.writeUInt32LE(payload.readUInt32LE(16) ^ 1, 16)],
]

describe('a frame that counts', () => {
  it.each(MALFORMED.batch)('as a batch with %s is damage', async (_, change) => {
    const { files, path, ends } = await crashed()
    const offset = ends[3] as number
    edit(files, path, (bytes) => reframe(bytes, offset, saltOf(bytes), change))
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset,
      message: expect.stringContaining('a batch with fields that cannot be') as unknown,
    })
  })

  it.each<[string, Change, string]>([
    [
      'one sequence too far',
      (payload) => void payload.writeBigUInt64LE(6n, 0),
      'a batch of sequence 6 where 5 belongs',
    ],
    [
      'the sequence before',
      (payload) => {
        payload.writeBigUInt64LE(4n, 0)
        payload.writeBigUInt64LE(3n, 16)
      },
      'a batch of sequence 4 where 5 belongs',
    ],
    [
      'an earlier time',
      (payload) => void payload.writeBigUInt64LE(payload.readBigUInt64LE(8) - 1n, 8),
      'a batch that is older than the one before it',
    ],
  ])('as a batch with %s is damage', async (_, change, message) => {
    const { files, path, ends } = await crashed()
    const offset = ends[3] as number
    edit(files, path, (bytes) => reframe(bytes, offset, saltOf(bytes), change))
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset,
      message: expect.stringContaining(message) as unknown,
    })
  })

  it.each(MALFORMED.mark)('as a mark with %s is damage', async (_, change) => {
    const { files, path, ends } = await crashed()
    const offset = ends[4] as number
    const frames = await framesOf(files)
    edit(files, path, (bytes) => {
      frames.mark.copy(bytes, offset)
      reframe(bytes, offset, saltOf(bytes), change)
    })
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset,
      message: expect.stringContaining('a mark with fields that cannot be') as unknown,
    })
  })

  it('as a footer proves what stands before it', async () => {
    const { files, path, ends } = await crashed()
    await putFooter(files, path, ends[4] as number)
    expect((await recovered(files)).plan).toMatchObject({
      lastSeq: 5,
      provenSeq: 5,
      provenBy: `${path}: its footer`,
      survivors: undefined,
    })
  })

  it.each([...MALFORMED.footer, ...WRONG_FOOTERS])('as a footer with %s is damage', async (_, change) => {
    const { files, path, ends } = await crashed()
    const offset = ends[4] as number
    await putFooter(files, path, offset, change)
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset,
      message: expect.stringContaining('the footer does not fit what stands before it') as unknown,
    })
  })

  it('as a header that is not the first is damage', async () => {
    const { files, path, ends } = await crashed()
    const offset = ends[4] as number
    edit(
      files,
      path,
      (bytes) => void encodeFrame({ kind: 1, payload: Buffer.alloc(8) }, saltOf(bytes)).copy(bytes, offset),
    )
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset,
      message: expect.stringContaining('a second header') as unknown,
    })
  })
})

async function putFooter(
  files: MemoryFileSystem,
  path: string,
  at: number,
  change: Change = () => {},
): Promise<void> {
  const frames = await framesOf(files)
  edit(files, path, (bytes) => {
    frames.footer.copy(bytes, at)
    reframe(bytes, at, saltOf(bytes), change)
  })
}
