import type { SeededRandom } from '@holdfast/testing/environment'
import { type Draw, pick } from './draw.ts'
import { mutateJson, NUMBERS } from './mutate-json.ts'
import { BOUNDARIES } from './scratch.ts'
import { type FrameModel, HEADER, KIND, type SegmentModel, type StoreModel } from './store-model.ts'

/** Changes what a store is made of. What comes out has right checksums, and is wrong somewhere. */
export function mutateModel(model: StoreModel, random: SeededRandom, draw: Draw): StoreModel {
  if (random.below(8) === 0) return { ...model, manifest: mutateJson(model.manifest, random, draw) }
  const which = random.below(model.segments.length)
  const segment = model.segments[which]
  if (segment === undefined) return model
  const other = pick(random, model.segments)
  const changed = mutateSegment(segment, other, random, draw)
  return { ...model, segments: model.segments.map((each, i) => (i === which ? changed : each)) }
}

function mutateSegment(
  segment: SegmentModel,
  other: SegmentModel,
  random: SeededRandom,
  draw: Draw,
): SegmentModel {
  const { frames } = segment
  const at = random.below(frames.length + 1)
  const frame = frames[at]
  const said = (what: string): void => draw.say(() => `${segment.path}: ${what}`)
  switch (random.below(10)) {
    case 0:
      said(`frame ${at} is gone`)
      return { ...segment, frames: frames.toSpliced(at, 1) }
    case 1: {
      const from = random.below(other.frames.length + 1)
      const piece = other.frames.slice(from, from + 1 + random.below(3))
      said(`${piece.length} frames of ${other.path} from ${from} stand before frame ${at}`)
      return { ...segment, frames: frames.toSpliced(at, 0, ...piece) }
    }
    case 2: {
      const made: FrameModel = {
        kind: pick(random, [1, 2, 3, 4, 5, 0x7f, 0x80, 0xff]),
        flags: pick(random, [0, 0, 0, 1, 0x8000]),
        payload: frame?.payload ?? Buffer.from(random.bytes(random.below(100))),
      }
      said(`a frame of kind ${made.kind} and flags ${made.flags} before frame ${at}`)
      return { ...segment, frames: frames.toSpliced(at, 0, made) }
    }
    case 3: {
      const rest = pick(random, [0, 8, 100, 512, 4096])
      said(`${rest} zeros behind its frames`)
      return { ...segment, rest }
    }
    default: {
      if (frame === undefined) return segment
      const payload = mutatePayload(frame, random)
      said(
        `payload of frame ${at}, of kind ${frame.kind}: ${frame.payload.toString('hex')} becomes ${payload.toString('hex')}`,
      )
      return { ...segment, frames: frames.toSpliced(at, 1, { ...frame, payload }) }
    }
  }
}

/** Where the numbers of 8 and of 4 bytes stand in a payload, by its kind. */
const NUMBERS_AT: Readonly<
  Record<number, { readonly u64: readonly number[]; readonly u32: readonly number[] }>
> = {
  [KIND.header]: {
    u64: [HEADER.id, HEADER.epoch, HEADER.firstSeq, HEADER.predecessorId, HEADER.predecessorLastSeq],
    u32: [8, HEADER.salt, HEADER.digest, HEADER.machineVersion, HEADER.codec],
  },
  [KIND.batch]: { u64: [0, 8, 16], u32: [24, 28] },
  [KIND.mark]: { u64: [0, 8], u32: [16, 20] },
  [KIND.footer]: { u64: [0, 8, 24, 32, 40, 48], u32: [16, 20] },
}

function mutatePayload({ kind, payload }: FrameModel, random: SeededRandom): Buffer {
  const copy = Buffer.from(payload)
  const { u64, u32 } = NUMBERS_AT[kind] ?? { u64: [], u32: [] }
  switch (random.below(6)) {
    case 0:
    case 1:
      return withU64(copy, pick(random, u64.length === 0 ? [0] : u64), random)
    case 2: {
      const at = pick(random, u32.length === 0 ? [0] : u32)
      if (at + 4 > copy.length) return copy
      const old = copy.readUInt32LE(at)
      copy.writeUInt32LE(
        random.below(2) === 0 ? pick(random, BOUNDARIES) : (old + random.below(5) - 2) >>> 0,
        at,
      )
      return copy
    }
    case 3:
      return copy.subarray(0, random.below(copy.length + 1))
    case 4:
      return Buffer.concat([copy, random.bytes(1 + random.below(40))])
    default:
      if (copy.length > 0) copy[random.below(copy.length)] = random.below(256)
      return copy
  }
}

function withU64(copy: Buffer, at: number, random: SeededRandom): Buffer {
  if (at + 8 > copy.length) return copy
  const old = copy.readBigUInt64LE(at)
  const value =
    random.below(2) === 0
      ? BigInt(Math.max(0, Math.floor(pick(random, NUMBERS) % 2 ** 64)))
      : BigInt.asUintN(64, old + BigInt(random.below(5)) - 2n)
  copy.writeBigUInt64LE(BigInt.asUintN(64, value), at)
  return copy
}
