import { FORMAT_SEED } from '@holdfast/framing'
import type { MemoryFileSystem } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { closed, crashed, edit, putManifest, refusal, reframe } from './crashed-log.fixture.ts'
import { encodeSegmentHeader } from './format.ts'
import { recovered, segmentsOf, STORE } from './log-harness.fixture.ts'
import { segmentName } from './segment-name.ts'

const TOO_LARGE = 2n ** 53n

describe('the header of a segment', () => {
  it.each<[string, (payload: Buffer) => Buffer | void, string]>([
    ['another magic', (payload) => payload.fill(0x20, 0, 8), 'not the header of a log segment'],
    ['no room for one', (payload) => payload.subarray(0, 9), 'not the header of a log segment'],
    ['format 0', (payload) => void payload.writeUInt16LE(0, 8), 'fields that this format does not have'],
    ['a reserved field', (payload) => void payload.writeUInt16LE(1, 10), 'fields that this format does not'],
    ['a payload cut short', (payload) => payload.subarray(0, 488), 'fields that this format does not have'],
    ['no codec', (payload) => void payload.writeUInt8(0, 80), 'a malformed codec'],
    ['a codec of 65 bytes', (payload) => payload.fill(65, 80, 146), 'a malformed codec'],
    ['something behind the codec', (payload) => void payload.writeUInt8(1, 495), 'a malformed codec'],
    ['id 0', (payload) => void payload.writeBigUInt64LE(0n, 32), 'numbers that cannot be'],
    ['a large id', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 32), 'numbers that cannot be'],
    ['a large epoch', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 40), 'numbers that cannot be'],
    ['a large first sequence', (payload) => setFirst(payload, TOO_LARGE), 'numbers that cannot be'],
    ['a first sequence 0', (payload) => void payload.writeBigUInt64LE(0n, 48), 'numbers that cannot be'],
    [
      'a predecessor that is none',
      (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 56),
      'numbers that cannot be',
    ],
    [
      'a predecessor that ends too far',
      (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 64),
      'numbers that cannot be',
    ],
    [
      'a predecessor that ends elsewhere',
      (payload) => void payload.writeBigUInt64LE(4n, 64),
      'numbers that cannot be',
    ],
    ['another id than its name', (payload) => void payload.writeBigUInt64LE(77n, 32), 'its header 77'],
    ['another beginning than its name', (payload) => setFirst(payload, 5n), 'its header 5'],
    ['a later epoch', (payload) => void payload.writeBigUInt64LE(9n, 40), 'it is of epoch 9'],
    ['another salt', (payload) => void payload.writeUInt32LE(1, 12), 'not the file that the manifest names'],
  ])('with %s is damage', async (_, change, message) => {
    const { files, paths } = await closed()
    const path = paths[1] as string
    edit(files, path, (bytes) => reframe(bytes, 0, FORMAT_SEED, change))
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      offset: 0,
      seq: 4,
      message: expect.stringContaining(message) as unknown,
    })
  })

  it('with a frame of another kind in its place is damage', async () => {
    const { files, path } = await crashed()
    edit(files, path, (bytes) => {
      bytes.writeUInt8(3, 1)
      reframe(bytes, 0, FORMAT_SEED, () => {})
    })
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path,
      message: expect.stringContaining('a frame of kind 3 where the header belongs') as unknown,
    })
  })

  it('that is damaged in the first segment is damage, never an empty log', async () => {
    const { files, path } = await crashed()
    edit(files, path, (bytes) => bytes.fill(0, 0, 512))
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path })
  })

  it('that begins elsewhere than the manifest says is damage', async () => {
    const { files, paths, manifest } = await closed()
    const segments = manifest.segments.map((segment) =>
      segment.firstSeq === 4 ? { ...segment, firstSeq: 5 } : segment,
    )
    putManifest(files, { ...manifest, segments })
    expect(await refusal(files)).toMatchObject({
      code: 'CORRUPT',
      path: paths[1],
      message: expect.stringContaining('the manifest says that it begins at 5, its header 4') as unknown,
    })
  })

  it('of an epoch of the future is damage also where nothing names it: the manifest is an old one', async () => {
    const { files, paths, manifest } = await closed()
    const path = `${STORE}/wal/${segmentName(11, 50)}`
    const header = encodeSegmentHeader({
      salt: 1,
      storeId: Buffer.from(manifest.storeId, 'hex'),
      id: 50,
      epoch: 9,
      firstSeq: 11,
      predecessor: { id: 4, lastSeq: 10, digest: 0 },
      machineVersion: 0,
      codec: 'bytes-1',
    })
    files.put(path, header)
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path })
    // One of another store proves nothing about this one.
    reframe(header, 0, FORMAT_SEED, (payload) => void payload.writeUInt8(payload.readUInt8(16) ^ 1, 16))
    files.put(path, header)
    const { plan, files: after } = await recovered(files)
    expect(plan).toMatchObject({ lastSeq: 10, ignored: [{ path, remove: false }] })
    expect(segmentsOf(after)).toEqual([...paths, path])
  })
})

function setFirst(payload: Buffer, firstSeq: bigint): void {
  payload.writeBigUInt64LE(firstSeq, 48)
  payload.writeBigUInt64LE(firstSeq - 1n, 64)
}

describe('a segment that is prepared', () => {
  async function prepared(): Promise<{ files: MemoryFileSystem; path: string }> {
    const { files, manifest } = await closed()
    const { clean: _, ...open } = manifest
    const segments = [...manifest.segments, { id: 60, salt: 5, bytes: 4096 }]
    putManifest(files, { ...open, segments, nextId: 100 })
    const path = `${STORE}/wal/${segmentName(0, 60)}`
    files.put(path, Buffer.alloc(4096))
    return { files, path }
  }

  it('and was never used goes when the log is opened', async () => {
    const { files, path } = await prepared()
    const after = await recovered(files)
    expect(after.plan.ignored).toEqual([{ path, reason: 'prepared, and never used', remove: true }])
    expect(segmentsOf(after.files)).not.toContain(path)
  })

  it('is damage where it is shorter than it was', async () => {
    const { files, path } = await prepared()
    files.put(path, Buffer.alloc(4088))
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path, offset: 4088 })
  })

  it('is damage where something stands behind a header that cannot be read', async () => {
    const { files, path } = await prepared()
    files.put(path, Buffer.alloc(4096).fill(1, 700, 701))
    expect(await refusal(files)).toMatchObject({ code: 'CORRUPT', path, offset: 700 })
  })

  it('is damage where it is missing', async () => {
    const { files, path } = await prepared()
    await files.unlink(path)
    const error = await refusal(files)
    expect(error).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('segment 60 is missing') as unknown,
    })
    expect(error).not.toHaveProperty('seq')
  })
})
