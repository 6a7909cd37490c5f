// Snapshots made to order: frames whose checksums and digests are right, around what should not be in them.
import { createHash } from 'node:crypto'
import zlib from 'node:zlib'
import { encodeFrame } from '@holdfast/framing'
import type { SeededRandom } from '@holdfast/testing/environment'
import { digestOf, FORMAT_SEED } from '../reference/frames.ts'
import { type Draw, pick } from './draw.ts'
import { BOUNDARIES, mutateBytes, type Scratch } from './scratch.ts'

/** A snapshot that says it is a large one: so many zeros, which zstd makes some thousand bytes of. */
const BOMB_BYTES = 64 * 1024 * 1024
const { zstdCompressSync } = zlib as Partial<typeof zlib>
export const hasZstd: boolean = zstdCompressSync !== undefined

export function forged(
  header: Buffer,
  chunks: readonly Buffer[],
  wrong: { readonly at: number; readonly value: number } | undefined,
  isCompressed: boolean,
  random: SeededRandom,
): Buffer {
  const payload = Buffer.from(header)
  if (isCompressed && payload.length > 10) payload[10] = 1
  const salt = payload.length >= 16 ? payload.readUInt32LE(12) : 0
  const frames = [encodeFrame({ kind: 1, payload }, FORMAT_SEED)]
  const hash = createHash('sha256')
  let bytes = 0
  for (const chunk of chunks) {
    hash.update(chunk)
    bytes += chunk.length
    frames.push(
      isCompressed ? compressed(chunk, salt, random) : encodeFrame({ kind: 2, payload: chunk }, salt),
    )
  }
  const offsets: { offset: number }[] = []
  let offset = 0
  for (const frame of frames) {
    offsets.push({ offset })
    offset += frame.length
  }
  const footer = Buffer.alloc(60)
  footer.writeUInt32LE(chunks.length, 8)
  footer.writeUInt32LE(bytes, 16)
  hash.digest().copy(footer, 24)
  footer.writeUInt32LE(digestOf(Buffer.concat(frames), offsets), 56)
  footer.writeUInt32LE(entriesOf(chunks), 0)
  if (wrong !== undefined && wrong.at + 4 <= footer.length) footer.writeUInt32LE(wrong.value, wrong.at)
  return Buffer.concat([...frames, encodeFrame({ kind: 3, payload: footer }, salt)])
}

/** The values that the ops of the chunks leave at the top level. */
function entriesOf(chunks: readonly Buffer[]): number {
  let depth = 0
  let entries = 0
  for (const chunk of chunks) {
    if (chunk.length < 8) return 0
    const end = Math.min(chunk.length, 8 + chunk.readUInt32LE(4))
    for (let at = 8; at < end; ) {
      const op = chunk[at] as number
      if (op === 1 && at + 5 <= end) {
        if (depth === 0) entries += chunk.readUInt32LE(at + 1)
        at += 5
      } else if (op === 2) {
        depth--
        if (depth === 0) entries++
        at += 1
      } else {
        depth++
        at += 9
      }
    }
  }
  return entries >>> 0
}

function compressed(chunk: Buffer, salt: number, random: SeededRandom): Buffer {
  const packed = zstdCompressSync?.(chunk) ?? chunk
  const size = Buffer.alloc(4)
  size.writeUInt32LE(random.below(8) === 0 ? pick(random, BOUNDARIES) : chunk.length, 0)
  if (random.below(8) === 0 && packed.length > 0) packed[random.below(packed.length)] = random.below(256)
  return encodeFrame({ kind: 2, flags: 1, payload: Buffer.concat([size, packed]) }, salt)
}

let packedBomb: Buffer | undefined

/** What it claims is believed by nobody, and what it is would not fit into the memory that it may take. */
export function bomb(header: Buffer, draw: Draw): Buffer {
  const { random } = draw
  draw.say(() => `${BOMB_BYTES} zeros, compressed`)
  const payload = Buffer.from(header)
  payload[10] = 1
  const size = Buffer.alloc(4)
  size.writeUInt32LE(pick(random, [BOMB_BYTES, 1024 * 1024, 100]), 0)
  packedBomb ??= zstdCompressSync?.(Buffer.alloc(BOMB_BYTES)) ?? Buffer.alloc(16)
  const salt = payload.readUInt32LE(12)
  return Buffer.concat([
    encodeFrame({ kind: 1, payload }, FORMAT_SEED),
    encodeFrame({ kind: 2, flags: 1, payload: Buffer.concat([size, packedBomb]) }, salt),
  ])
}

export function mutatedHeader(header: Buffer, random: SeededRandom, draw: Draw): Buffer {
  const copy = Buffer.from(header)
  const at = random.below(copy.length)
  if (random.below(4) === 0) return copy.subarray(0, at)
  if (random.below(2) === 0 && at + 4 <= copy.length) copy.writeUInt32LE(pick(random, BOUNDARIES), at)
  else copy[at] = random.below(256)
  draw.say(() => `the header becomes ${copy.toString('hex')}`)
  return copy
}

export function reordered(
  chunks: readonly Buffer[],
  others: readonly Buffer[],
  random: SeededRandom,
  draw: Draw,
): readonly Buffer[] {
  const how = random.below(3)
  draw.say(
    () => ['a chunk is gone', 'a chunk stands twice', 'a chunk of another one is added'][how] as string,
  )
  if (how === 0) return chunks.slice(1)
  if (how === 1) return [...chunks, ...chunks.slice(0, 1)]
  return random.below(2) === 0 ? [...chunks, ...others] : [...others, ...chunks]
}

const OPENS: readonly number[] = Array.from({ length: 19 }, (_, kind) => 16 + kind)

/** Its counts, its ops, or the bytes of its values. */
export function mutatedChunk(chunk: Buffer, scratch: Scratch, random: SeededRandom, draw: Draw): Buffer {
  if (chunk.length < 8) return chunk
  const opsBytes = Math.min(chunk.readUInt32LE(4), chunk.length - 8)
  scratch.fill(chunk)
  const { buffer } = scratch
  const opAt = 8 + random.below(opsBytes + 1)
  switch (random.below(6)) {
    case 0: {
      const at = random.below(2) * 4
      const count = random.below(2) === 0 ? pick(random, BOUNDARIES) : buffer.readUInt32LE(at) + 1
      buffer.writeUInt32LE(count >>> 0, at)
      draw.say(() => `the count at ${at} of a chunk becomes ${buffer.readUInt32LE(at)}`)
      break
    }
    case 1:
    case 2: {
      const op = opBytes(random)
      const times = random.below(8) === 0 ? pick(random, [255, 256, 257, 1000]) : 1
      for (let i = 0; i < times; i++) scratch.insert(opAt, op)
      buffer.writeUInt32LE((opsBytes + times * op.length) >>> 0, 4)
      draw.say(() => `${times} times the op ${op.toString('hex')} at ${opAt}`)
      break
    }
    case 3: {
      if (opAt < scratch.length) buffer[opAt] = pick(random, [0, 1, 2, 3, 15, ...OPENS])
      draw.say(() => `the op at ${opAt} becomes ${buffer[opAt]}`)
      break
    }
    case 4:
      scratch.remove(opAt, 1 + random.below(9))
      draw.say(() => `bytes of the ops at ${opAt} are gone`)
      break
    default:
      mutateBytes(scratch, random, draw, [chunk])
  }
  return Buffer.from(scratch.bytes)
}

function opBytes(random: SeededRandom): Buffer {
  const op = Buffer.alloc(9)
  op[0] = pick(random, [1, 2, ...OPENS])
  const size = random.below(2) === 0 ? random.below(4) : pick(random, BOUNDARIES)
  if (op[0] === 1) op.writeUInt32LE(size, 1)
  else op.writeBigUInt64LE(BigInt(size) * (random.below(8) === 0 ? 2n ** 20n : 1n), 1)
  return op.subarray(0, op[0] === 1 ? 5 : op[0] === 2 ? 1 : 9)
}
