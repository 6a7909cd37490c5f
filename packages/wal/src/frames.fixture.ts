import { bytesCodec } from '@holdfast/codec'
import { encodeFrame } from '@holdfast/framing'
import { memoryEnvironment, type MemoryFileSystem } from '@holdfast/testing/environment'
import { encodeFooter, encodeMark, KIND, writeBatchPrefix } from './format.ts'
import { STORE } from './log-harness.fixture.ts'
import { LogDirectory } from './log-directory.ts'
import { StoreDirectory } from './store-directory.ts'

export type Change = (payload: Buffer) => Buffer | void

const TOO_LARGE = 2n ** 53n
const LARGEST = TOO_LARGE - 1n

/** Fields that cannot be in a segment that holds the sequences 1 to 5, each as a change of a payload that can. */
export const MALFORMED: Record<'batch' | 'mark' | 'footer', [string, Change][]> = {
  batch: [
    ['no room for its fields', (payload) => payload.subarray(0, 31)],
    ['a first sequence 0', (payload) => void payload.writeBigUInt64LE(0n, 0)],
    ['a large first sequence', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 0)],
    ['a large last sequence', (payload) => void payload.writeBigUInt64LE(LARGEST, 0)],
    ['a large time', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 8)],
    ['a large durable sequence', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 16)],
    [
      'a durable sequence of its own',
      (payload) => void payload.writeBigUInt64LE(payload.readBigUInt64LE(0), 16),
    ],
    ['no records', (payload) => void payload.writeUInt32LE(0, 24)],
    ['a note past its end', (payload) => void payload.writeUInt32LE(payload.length - 31, 28)],
  ],
  mark: [
    ['no room for its fields', (payload) => payload.subarray(0, 23)],
    ['a large durable sequence', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 0)],
    ['a large time', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 8)],
    ['a note past its end', (payload) => void payload.writeUInt32LE(1, 16)],
    ['something behind its note', (payload) => Buffer.concat([payload, Buffer.alloc(1)])],
    ['a reserved field', (payload) => void payload.writeUInt32LE(1, 20)],
  ],
  footer: [
    ['no room for its fields', (payload) => payload.subarray(0, 23)],
    ['a large last sequence', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 0)],
    ['a large count', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 8)],
    ['an index past its end', (payload) => void payload.writeUInt32LE(2, 20)],
    ['a large sequence in its index', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 24)],
    ['a large offset in its index', (payload) => void payload.writeBigUInt64LE(TOO_LARGE, 32)],
  ],
}

/** Frames that may stand behind sequence 5 in the one segment of a store, and say that it was durable. */
export async function framesOf(
  files: MemoryFileSystem,
): Promise<Record<'batch' | 'mark' | 'footer', Buffer>> {
  const directory = await StoreDirectory.openForReading(STORE, memoryEnvironment(files))
  const scan = new LogDirectory(directory, bytesCodec).scan({ after: 0 })
  for await (const _ of scan) continue
  const { lastTime: time, segments } = scan.plan
  const { salt, digest } = segments[0] as (typeof segments)[number]
  const payload = Buffer.alloc(40)
  writeBatchPrefix(payload, 0, { firstSeq: 6, time, durableSeq: 5, count: 1, noteBytes: 0 })
  return {
    batch: encodeFrame({ kind: KIND.batch, payload }, salt),
    mark: encodeMark({ durableSeq: 5, time, note: undefined }, salt),
    footer: encodeFooter({ lastSeq: 5, count: 5, digest, index: [{ seq: 1, offset: 512 }] }, salt),
  }
}
