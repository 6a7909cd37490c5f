import { crc32 } from 'node:zlib'

/** An integer from 0 to `below` - 1, the same ones each time for one seed (mulberry32). */
export type PseudoRandom = (below: number) => number

export function pseudoRandom(seed: number): PseudoRandom {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const interesting = [
  0, 1, 7, 8, 9, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000000, 0x10000001, 0x7fffffff, 0xffffffff,
]

/** Changes a file of frames in one to four places, some of them with checksums made right again. */
export function mutateFrames(file: Buffer, seed: number, random: PseudoRandom): Buffer {
  let bytes: Buffer = Buffer.from(file)
  for (let count = 1 + random(4); count > 0; count--) {
    const mutation = mutations[random(mutations.length)] as (typeof mutations)[number]
    bytes = mutation(bytes, seed, random)
  }
  return bytes
}

const mutations: ((bytes: Buffer, seed: number, random: PseudoRandom) => Buffer)[] = [
  function flipBit(bytes, _, random) {
    if (bytes.length > 0) {
      const at = random(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << random(8))
    }
    return bytes
  },
  function zeroRange(bytes, _, random) {
    const at = random(bytes.length + 1)
    return bytes.fill(0, at, Math.min(bytes.length, at + random(64)))
  },
  function cut(bytes, _, random) {
    return bytes.subarray(0, random(bytes.length + 1))
  },
  function removeRange(bytes, _, random) {
    const at = 8 * random((bytes.length >> 3) + 1)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 8 * random(8))])
  },
  function duplicateRange(bytes, _, random) {
    const from = 8 * random((bytes.length >> 3) + 1)
    const at = 8 * random((bytes.length >> 3) + 1)
    return Buffer.concat([
      bytes.subarray(0, at),
      bytes.subarray(from, from + 8 * random(16)),
      bytes.subarray(at),
    ])
  },
  function insertGarbage(bytes, _, random) {
    const at = 8 * random((bytes.length >> 3) + 1)
    const garbage = Buffer.from(Array.from({ length: 8 * random(8) }, () => random(256)))
    return Buffer.concat([bytes.subarray(0, at), garbage, bytes.subarray(at)])
  },
  function forgeHeader(bytes, seed, random) {
    const at = headerAt(bytes, seed, random)
    if (at === undefined) return bytes
    const value = interesting[random(interesting.length)] as number
    if (random(2) === 0) bytes.writeUInt32LE(value, at + 4)
    else bytes[at + random(4)] = value & 0xff
    return sealed(bytes, at, seed)
  },
  function forgePayload(bytes, seed, random) {
    const at = headerAt(bytes, seed, random)
    if (at === undefined) return bytes
    const end = Math.min(bytes.length, Math.ceil((at + 16 + bytes.readUInt32LE(at + 4)) / 8) * 8)
    if (end === at + 16) return bytes
    bytes[at + 16 + random(end - at - 16)] = random(256)
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 16, end), seed), at + 8)
    return sealed(bytes, at, seed)
  },
]

/** Where one of the sound headers begins. */
function headerAt(bytes: Buffer, seed: number, random: PseudoRandom): number | undefined {
  const found: number[] = []
  for (let at = 0; at + 16 <= bytes.length; at += 8) {
    if (crc32(bytes.subarray(at, at + 12), seed) === bytes.readUInt32LE(at + 12)) found.push(at)
  }
  return found[random(Math.max(1, found.length))]
}

function sealed(bytes: Buffer, at: number, seed: number): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 12), seed), at + 12)
  return bytes
}
