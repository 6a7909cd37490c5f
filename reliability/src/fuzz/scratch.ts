import type { SeededRandom } from '@holdfast/testing/environment'
import { type Draw, pick } from './draw.ts'

/** Lengths and counts that readers get wrong: none, one, powers of two and their neighbours, more than there is. */
export const BOUNDARIES: readonly number[] = [
  0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 63, 64, 127, 128, 255, 256, 257, 511, 512, 4095, 4096, 65_535, 65_536,
  0x00ff_ffff, 0x0fff_ffff, 0x1000_0000, 0x1000_0001, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff,
]

/** A buffer that one input after the other is made in. */
export class Scratch {
  readonly buffer: Buffer
  length = 0

  constructor(bytes: number) {
    this.buffer = Buffer.alloc(bytes)
  }

  /** The input as it stands. Valid until the next one is begun. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  fill(bytes: Uint8Array): void {
    this.buffer.set(bytes)
    this.length = bytes.length
  }

  append(bytes: Uint8Array): void {
    this.insert(this.length, bytes)
  }

  /** As much of the bytes as there is room for. */
  insert(at: number, bytes: Uint8Array): void {
    const count = Math.min(bytes.length, this.buffer.length - this.length)
    this.buffer.copyWithin(at + count, at, this.length)
    this.buffer.set(count === bytes.length ? bytes : bytes.subarray(0, count), at)
    this.length += count
  }

  remove(at: number, count: number): void {
    const removed = Math.max(0, Math.min(count, this.length - at))
    this.buffer.copyWithin(at, at + removed, this.length)
    this.length -= removed
  }
}

/** Mutations that know nothing of what the bytes mean. Places are multiples of `step`. */
export function mutateBytes(
  scratch: Scratch,
  random: SeededRandom,
  draw: Draw,
  others: readonly Uint8Array[],
  step = 1,
): void {
  const { buffer } = scratch
  const at = place(random, scratch.length, step)
  switch (random.below(8)) {
    case 0:
      if (scratch.length === 0) return
      return flip(buffer, random.below(scratch.length * 8), draw)
    case 1: {
      const value = random.below(256)
      if (at < scratch.length) buffer[at] = value
      return draw.say(() => `byte ${at} becomes ${value}`)
    }
    case 2: {
      const value = pick(random, BOUNDARIES)
      if (at + 4 > scratch.length) return
      if (random.below(2) === 0) buffer.writeUInt32LE(value, at)
      else buffer.writeUInt32BE(value, at)
      return draw.say(() => `the number at ${at} becomes ${value}`)
    }
    case 3:
      scratch.length = at
      return draw.say(() => `cut to ${at}`)
    case 4: {
      const count = step * (1 + random.below(32))
      scratch.remove(at, count)
      return draw.say(() => `${count} bytes from ${at} are gone`)
    }
    case 5: {
      const from = place(random, scratch.length, step)
      const piece = Uint8Array.prototype.slice.call(
        buffer,
        from,
        Math.min(scratch.length, from + step * (1 + random.below(32))),
      )
      const times = random.below(8) === 0 ? 1 + random.below(64) : 1
      for (let i = 0; i < times; i++) scratch.insert(at, piece)
      return draw.say(() => `${piece.length} bytes from ${from} stand at ${at} too, ${times} times`)
    }
    case 6: {
      const other = pick(random, others)
      const from = place(random, other.length, step)
      const piece = other.subarray(from, from + step * (1 + random.below(64)))
      if (random.below(2) === 0) scratch.length = at
      scratch.insert(at, piece)
      return draw.say(() => `${piece.length} bytes of another one stand at ${at}`)
    }
    default: {
      const end = Math.min(scratch.length, at + 1 + random.below(64))
      const value = random.below(4) === 0 ? random.below(256) : 0
      buffer.fill(value, at, end)
      return draw.say(() => `bytes ${at} to ${end} become ${value}`)
    }
  }
}

/** Turns a bit over. */
function flip(bytes: Buffer, bit: number, draw: Draw): void {
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
  draw.say(() => `bit ${bit} is turned over`)
}

/** A place in so many bytes, the end included. */
function place(random: SeededRandom, length: number, step: number): number {
  return step * random.below(Math.floor(length / step) + 1)
}
