import { isDeepStrictEqual } from 'node:util'
import { bytesCodec, type Codec, messagePackCodec } from '@holdfast/codec'
import { isHoldfastError } from '@holdfast/environment'
import { SeededRandom } from '@holdfast/testing/environment'
import { type Draw, pick } from '../draw.ts'
import { BOUNDARIES, mutateBytes, Scratch } from '../scratch.ts'
import { Broken, type FuzzInputs, type FuzzTarget } from '../target.ts'
import { drawValue } from '../values.ts'

/** Frames of values that the inputs begin as. */
const TEMPLATES = 512
const TEMPLATE_MAX_BYTES = 2048
const SCRATCH_BYTES = 128 * 1024
/** One input in so many is as long as the scratch has room for. */
const LARGE_ONE_IN = 20_000
/** Values are compared in so many of the inputs; their bytes are in all. */
const COMPARED_ONE_IN = 8

/** `Codec.decode` of both codecs, on the bytes of the values alone: what every checksum and length before it let through. */
export const codec: FuzzTarget = {
  name: 'codec',
  share: 620,
  async prepare(seed): Promise<FuzzInputs> {
    const random = new SeededRandom(seed)
    const inputs = new CodecInputs(templatesOf(messagePackCodec, () => drawValue(random), random))
    const bytes = new CodecInputs(templatesOf(bytesCodec, () => random.bytes(random.below(40)), random))
    return {
      refusals: new Set(['DECODE_FAILED']),
      run: (draw) => (draw.index % 16 === 0 ? bytes : inputs).run(draw),
    }
  },
}

interface Template {
  readonly codec: Codec<unknown>
  readonly bytes: Buffer
  readonly count: number
}

function templatesOf<T>(codec: Codec<T>, value: () => T, random: SeededRandom): Template[] {
  const templates: Template[] = []
  while (templates.length < TEMPLATES) {
    const values = Array.from({ length: random.below(5) }, value)
    const bytes = encode(codec, values)
    if (bytes.length <= TEMPLATE_MAX_BYTES) templates.push({ codec, bytes, count: values.length })
  }
  return templates
}

class CodecInputs {
  readonly #templates: readonly Template[]
  readonly #bytes: readonly Buffer[]
  readonly #scratch = new Scratch(SCRATCH_BYTES)

  constructor(templates: readonly Template[]) {
    this.#templates = templates
    this.#bytes = templates.map(({ bytes }) => bytes)
  }

  run(draw: Draw): string {
    const { random } = draw
    const scratch = this.#scratch
    const template = pick(random, this.#templates)
    let { count } = template
    const countDrawn = random.below(8)
    scratch.fill(template.bytes)
    for (let i = 0; i < draw.mutations; i++) {
      const own = draw.mutation(i)
      if (own === undefined) continue
      if (own.below(3) === 0) mutateMessages(scratch, own, draw)
      else mutateBytes(scratch, own, draw, this.#bytes)
    }
    if (countDrawn === 0) count = pick(random, BOUNDARIES)
    else if (countDrawn === 1) count += 1
    if (random.below(LARGE_ONE_IN) === 0) this.#stretch(draw)
    draw.bytes = scratch.length
    draw.say(() => `${count} values of ${template.codec.id} in ${scratch.bytes.toString('hex')}`)
    return check(template.codec, scratch.bytes, count, draw)
  }

  /** The same bytes again and again: what takes more than a linear time or a linear space shows. */
  #stretch(draw: Draw): void {
    const scratch = this.#scratch
    const once = Uint8Array.from(scratch.length === 0 ? [0x91] : scratch.bytes)
    while (scratch.length < SCRATCH_BYTES) scratch.append(once)
    draw.say(() => `repeated up to ${scratch.length} bytes`)
  }
}

/** What is decoded has to come back the same once it is encoded, in bytes that every decoder takes. */
function check(codec: Codec<unknown>, bytes: Buffer, count: number, draw: Draw): string {
  const values = codec.decode(bytes, count)
  if (values.length !== count) throw new Broken(`${values.length} values, not ${count}`)
  let once: Buffer
  try {
    once = encode(codec, values)
  } catch (error) {
    // Bytes say things that no writer writes, such as -0 or a date that there is not: read, but not written again.
    if (isHoldfastError(error, 'NOT_SERIALIZABLE')) return 'not written again'
    throw error
  }
  const again = codec.decode(once, count)
  if (draw.index % COMPARED_ONE_IN === 0 && !isDeepStrictEqual(again, values))
    throw new Broken('encoded and decoded again it is something else')
  if (!encode(codec, again).equals(once)) throw new Broken('encoded again it is other bytes')
  return 'decoded'
}

function encode<T>(codec: Codec<T>, values: readonly T[]): Buffer {
  const encoder = codec.encoder()
  for (const value of values) encoder.add(value)
  const bytes = Buffer.allocUnsafe(encoder.bytes)
  encoder.copyTo(bytes, 0)
  return bytes
}

const NAMES_OF_TROUBLE = ['__proto__', '__keys__', 'constructor', 'prototype', 'then', 'toJSON', 'a', 'a', '']

/** First bytes of every kind of value, and of none. */
const TOKENS: readonly number[] = [
  0x00, 0x3f, 0x40, 0x41, 0x5f, 0x60, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1,
  0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3,
  0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff,
]

/** Beginnings of containers, each around the next. */
const NESTS = ['91', '8100', '81', 'd4730091', 'd4724091a161', '40', 'dd00000001', 'd472409140'].map((hex) =>
  Buffer.from(hex, 'hex'),
)

/** Mutations that know what the bytes of `msgpack-1` mean. */
function mutateMessages(scratch: Scratch, random: SeededRandom, draw: Draw): void {
  const at = random.below(scratch.length + 1)
  switch (random.below(5)) {
    case 0: {
      const token = pick(random, TOKENS)
      if (at < scratch.length) scratch.buffer[at] = token
      return draw.say(() => `byte ${at} becomes the token ${token.toString(16)}`)
    }
    case 1: {
      const nest = pick(random, NESTS)
      const levels = pick(random, [1, 2, 16, 254, 255, 256, 257, 300, 2000])
      const bytes = Buffer.alloc(nest.length * levels, nest)
      scratch.insert(at, bytes)
      return draw.say(() => `${levels} times ${nest.toString('hex')} at ${at}`)
    }
    case 2: {
      const names = Array.from({ length: random.below(4) }, () => pick(random, NAMES_OF_TROUBLE))
      const bytes = definition(0x3e + random.below(0x24), names)
      scratch.insert(at, bytes)
      return draw.say(() => `a structure of ${JSON.stringify(names)} defined at ${at}`)
    }
    case 3: {
      const bytes = Buffer.alloc(6)
      bytes[0] = pick(random, [0xc9, 0xdb, 0xdd, 0xdf])
      bytes.writeUInt32BE(pick(random, BOUNDARIES), 1)
      bytes[5] = pick(random, [0x74, 0xff, 0x01, 0x72])
      scratch.insert(at, bytes.subarray(0, bytes[0] === 0xc9 ? 6 : 5))
      return draw.say(() => `a length at ${at}: ${bytes.toString('hex')}`)
    }
    default: {
      const bytes = Buffer.from([
        0xc7,
        random.below(20),
        0x74,
        random.below(18),
        ...random.bytes(random.below(20)),
      ])
      scratch.insert(at, bytes)
      return draw.say(() => `binary data at ${at}: ${bytes.toString('hex')}`)
    }
  }
}

function definition(id: number, names: readonly string[]): Buffer {
  return Buffer.concat([
    Buffer.from([0xd4, 0x72, id, 0x90 | names.length]),
    ...names.flatMap((name) => [Buffer.from([0xa0 | name.length]), Buffer.from(name)]),
  ])
}
