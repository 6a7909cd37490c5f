import {
  encodeFrame,
  FrameReader,
  type FrameResult,
  SEARCH_WORK_FACTOR,
  searchFrames,
} from '@holdfast/framing'
import { SeededRandom } from '@holdfast/testing/environment'
import { type Draw, pick } from '../draw.ts'
import { BOUNDARIES, mutateBytes, Scratch } from '../scratch.ts'
import { sealAt, sealHeaderAt } from '../seal.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from '../target.ts'
import { frameAt, type ReferenceFrame, soundFrames } from '../../reference/frames.ts'

const TEMPLATES = 256
const FRAMES_MAX = 6
const SCRATCH_BYTES = 64 * 1024
const KINDS = [1, 2, 3, 200]
const FLAGS = 0b101
/** One input in so many is searched for frames as well as read. */
const SEARCHED_ONE_IN = 4
/** One input in so many is made of headers that are nested in each other, each of which claims the rest. */
const NESTED_ONE_IN = 2000

/** `FrameReader` and `searchFrames`, with and without right checksums, held against the table in docs/format.md. */
export const frames: FuzzTarget = {
  name: 'frames',
  share: 310,
  async prepare(seed): Promise<FuzzInputs> {
    const random = new SeededRandom(seed)
    const templates = Array.from({ length: TEMPLATES }, () => templateOf(random))
    const others = templates.map(({ bytes }) => bytes)
    const scratch = new Scratch(SCRATCH_BYTES)
    return {
      refusals: new Set(),
      async run(draw): Promise<string> {
        const template = pick(draw.random, templates)
        scratch.fill(template.bytes)
        for (let i = 0; i < draw.mutations; i++) {
          const own = draw.mutation(i)
          if (own === undefined) continue
          if (own.below(2) === 0) mutateFrame(scratch, template, own, draw)
          else mutateBytes(scratch, own, draw, others, own.below(2) === 0 ? 8 : 1)
        }
        if (draw.random.below(NESTED_ONE_IN) === 0) nest(scratch, template.seed, draw)
        draw.bytes = scratch.length
        return check(scratch.bytes, template.seed, draw)
      },
    }
  },
}

interface Template {
  readonly bytes: Buffer
  readonly offsets: readonly number[]
  readonly seed: number
}

function templateOf(random: SeededRandom): Template {
  const seed = random.uint32()
  const offsets: number[] = []
  const parts: Buffer[] = []
  let at = 0
  for (let count = 1 + random.below(FRAMES_MAX); count > 0; count--) {
    const payload = random.bytes(random.below(random.below(8) === 0 ? 1000 : 60))
    const frame = encodeFrame({ kind: pick(random, KINDS), flags: pick(random, [0, 0, 1, 5]), payload }, seed)
    offsets.push(at)
    parts.push(frame)
    at += frame.length
  }
  if (random.below(4) === 0) parts.push(Buffer.alloc(random.below(80)))
  return { bytes: Buffer.concat(parts), offsets, seed }
}

/** A field of a frame takes a value that it should not have, and the checksums say that it is right. */
function mutateFrame(scratch: Scratch, { offsets, seed }: Template, random: SeededRandom, draw: Draw): void {
  const at = pick(random, offsets)
  const { buffer } = scratch
  if (at + 16 > scratch.length) return
  const left = scratch.length - at - 16
  switch (random.below(4)) {
    case 0:
      buffer.writeUInt32LE(random.below(2) === 0 ? pick(random, BOUNDARIES) : nearby(random, left), at + 4)
      break
    case 1:
      buffer[at + random.below(4)] = pick(random, [0, 1, 2, 5, 9, 127, 128, 200, 255])
      break
    case 2:
      if (left > 0) buffer[at + 16 + random.below(left)] = random.below(256)
      break
    default:
      buffer.writeUInt32LE(random.uint32(), at + 8)
  }
  const sealed = random.below(4)
  const bytes = scratch.bytes
  if (sealed > 1) sealAt(bytes, at, seed)
  else if (sealed === 1) sealHeaderAt(bytes, at, seed)
  draw.say(() => `frame at ${at} forged: ${bytes.toString('hex', at, at + 16)}`)
}

function nearby(random: SeededRandom, length: number): number {
  return Math.max(0, length + random.below(17) - 8)
}

function nest(scratch: Scratch, seed: number, draw: Draw): void {
  scratch.length = SCRATCH_BYTES
  const { buffer } = scratch
  for (let at = 0; at + 16 <= SCRATCH_BYTES; at += 16) {
    buffer.writeUInt32LE(0x0201, at)
    buffer.writeUInt32LE(SCRATCH_BYTES - at - 16, at + 4)
    buffer.writeUInt32LE(0, at + 8)
    sealHeaderAt(buffer, at, seed)
  }
  draw.say(() => 'headers nested in each other')
}

/** Reads and searches, in windows and pieces of any size, and compares each word of what is said. */
async function check(bytes: Buffer, seed: number, draw: Draw): Promise<string> {
  const { random } = draw
  const windowBytes = pick(random, [1, 16, 40, 512, 1 << 20])
  const pieceBytes = pick(random, [1 << 20, 1 << 20, 1 << 20, 7, 64])
  // A few bytes at a time, a large file would take all day and show nothing new.
  const inPieces = bytes.length > 4096 ? bytes.length : pieceBytes
  const source = {
    read: (into: Uint8Array, position: number): Promise<number> =>
      Promise.resolve(bytes.copy(into, 0, position, position + Math.min(into.length, inPieces))),
  }
  const rules = { seed, kinds: KINDS, flags: FLAGS }
  const options = { seed, end: bytes.length, kinds: new Set(KINDS), flags: FLAGS, windowBytes }
  const reader = new FrameReader(source, { ...options, start: 0 })
  let expected: ReferenceFrame
  let at = 0
  do {
    expected = frameAt(bytes, at, rules)
    const next = reader.next()
    compare(bytes, next instanceof Promise ? await next : next, expected)
    at = expected.end
  } while (expected.type === 'frame')
  if (draw.index % SEARCHED_ONE_IN !== 0) return said(expected)
  const start = random.below(expected.offset + 9)
  const wanted = soundFrames(bytes, start, rules)
  for await (const found of searchFrames(source, { ...options, start: Math.min(start, bytes.length) })) {
    if (found.type === 'gave-up') return gaveUp(bytes, found.offset)
    const frame = wanted.next().value
    if (frame === undefined) throw new Broken(`the search found a frame at ${found.offset} where none is`)
    compare(bytes, found, frame)
  }
  const missed = wanted.next().value
  if (missed !== undefined) throw new Broken(`the search missed the frame at ${missed.offset}`)
  return said(expected)
}

function said({ type, reason }: ReferenceFrame): string {
  return type === 'end' ? 'read to the end' : reason
}

/** Only where checking payloads took more than its bound may a search give up. */
function gaveUp(bytes: Buffer, offset: number): string {
  let claimed = 0
  for (let at = 0; at + 16 <= bytes.length; at += 8) {
    if (bytes[at] === 1) claimed += Math.min(bytes.readUInt32LE(at + 4), bytes.length)
  }
  if (claimed <= SEARCH_WORK_FACTOR * 0.5 * bytes.length) throw new Broken(`the search gave up at ${offset}`)
  return 'search gave up'
}

function compare(bytes: Buffer, result: FrameResult, expected: ReferenceFrame): void {
  const differs = (what: string): Broken =>
    new Broken(`${what} at ${expected.offset}: ${JSON.stringify(result)}, not ${JSON.stringify(expected)}`)
  if (result.type !== expected.type || result.offset !== expected.offset) throw differs('another result')
  if (result.type === 'fault' && (result.reason !== expected.reason || (result.end ?? 0) !== expected.end))
    throw differs('another fault')
  if (result.type !== 'frame') return
  const { kind, flags, payload, end, skip, headerChecksum } = result
  if (kind !== expected.kind || flags !== expected.flags || end !== expected.end)
    throw differs('another frame')
  if (!payload.equals(expected.payload) || skip === KINDS.includes(kind)) throw differs('another payload')
  if (headerChecksum !== bytes.readUInt32LE(expected.offset + 12)) throw differs('another checksum')
}
