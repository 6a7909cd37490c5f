import { FORMAT_SEED, FrameReader, type Frame } from '@holdfast/framing'
import { memoryEnvironment } from '@holdfast/testing/environment'
import { describe, expect, it } from 'vitest'
import { crashed } from './crashed-log.fixture.ts'
import {
  BATCH_PREFIX_BYTES,
  decodeBatch,
  decodeFooter,
  decodeMark,
  decodeSegmentHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  SEGMENT_KINDS,
  type SegmentHeader,
  writeBatchPrefix,
} from './format.ts'
import { framesOf, MALFORMED } from './frames.fixture.ts'
import { openHarness, segmentsOf } from './log-harness.fixture.ts'

const HEADER: SegmentHeader = {
  salt: 0xfedc_ba98,
  storeId: Buffer.from('0123456789abcdef0123456789abcdef', 'hex'),
  id: 2 ** 33 + 1,
  epoch: 2 ** 34 + 2,
  firstSeq: 2 ** 35 + 3,
  predecessor: { id: 2 ** 36 + 4, lastSeq: 2 ** 35 + 2, digest: 0x89ab_cdef },
  machineVersion: 0xffff_ffff,
  codec: 'gemüse-1',
}

async function headerFrame(bytes: Buffer): Promise<Frame> {
  const source = {
    read: (into: Uint8Array, at: number) => Promise.resolve(bytes.copy(into, 0, at, at + into.length)),
  }
  const reader = new FrameReader(source, {
    seed: FORMAT_SEED,
    start: 0,
    end: SEGMENT_HEADER_BYTES,
    kinds: SEGMENT_KINDS,
  })
  return (await reader.next()) as Frame
}

describe('the header of a segment', () => {
  it('is read as it was written', async () => {
    const frame = await headerFrame(encodeSegmentHeader(HEADER))
    expect(decodeSegmentHeader(frame, '/segment')).toEqual(HEADER)
  })

  it('says in which epoch it was written', async () => {
    const { files } = memoryEnvironment()
    const epochs: number[] = []
    for (const seed of [1, 2]) {
      const store = await openHarness(memoryEnvironment(files, seed))
      await store.append('a')
      await store.close()
      const bytes = files.snapshot().get(segmentsOf(files).at(-1) as string) as Buffer
      const header = decodeSegmentHeader(await headerFrame(bytes), '/segment') as SegmentHeader
      epochs.push(header.epoch)
    }
    expect(epochs).toEqual([1, 2])
  })

  it('that names no codec is none', async () => {
    const frame = await headerFrame(encodeSegmentHeader({ ...HEADER, codec: '' }))
    expect(decodeSegmentHeader(frame, '/segment')).toBe('a header with a malformed codec')
  })

  it('of a newer format is known by its first ten bytes, whatever is behind them', async () => {
    const frame = await headerFrame(encodeSegmentHeader(HEADER))
    frame.payload.writeUInt16LE(2, 8)
    for (const bytes of [10, 11, frame.payload.length]) {
      const newer = { ...frame, payload: frame.payload.subarray(0, bytes) }
      expect(() => decodeSegmentHeader(newer, '/segment')).toThrow(/UNSUPPORTED_FORMAT/)
    }
  })
})

describe('a batch', () => {
  it.each([
    ['neither a note nor bytes of records', 0],
    ['a note and no bytes of records', 5],
  ])('may have %s: what they take is for the codec to say', (_, noteBytes) => {
    const payload = Buffer.alloc(BATCH_PREFIX_BYTES + noteBytes, 7)
    writeBatchPrefix(payload, 0, { firstSeq: 2, time: 3, durableSeq: 1, count: 4, noteBytes })
    expect(decodeBatch(payload)).toEqual({
      firstSeq: 2,
      time: 3,
      durableSeq: 1,
      count: 4,
      note: Buffer.alloc(noteBytes, 7),
      records: Buffer.alloc(0),
    })
  })
})

const DECODE = { batch: decodeBatch, mark: decodeMark, footer: decodeFooter }

it.each(['batch', 'mark', 'footer'] as const)('a %s is none with fields that cannot be', async (kind) => {
  const { files } = await crashed()
  const frame = (await framesOf(files))[kind]
  const payload = frame.subarray(16, 16 + frame.readUInt32LE(4))
  expect(DECODE[kind](payload)).toBeDefined()
  for (const [what, change] of MALFORMED[kind]) {
    const changed = Buffer.from(payload)
    expect(DECODE[kind](change(changed) ?? changed), `${what}`).toBeUndefined()
  }
})
