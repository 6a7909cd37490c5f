import { MAX_DEPTH } from './limits.ts'
import { decodeFailed } from './refusals.ts'
import { elementBytes } from './typed-arrays.ts'

/*
 * The subset of MessagePack that the codec `msgpack-1` writes, as a walk over its bytes that makes no values:
 *
 *   00–3f                positive integers      80–8f de df          Map: key, value, key, value …
 *   40–5f                a record of structure  90–9f dc dd          array
 *                        id: its values         a0–bf d9 da db       string, UTF-8
 *   e0–ff                negative integers      c0 c2 c3             null, false, true
 *   cb                   float 64               cc cd ce d0 d1 d2    integers
 *   cf d3                bigint                 d4 00 00             undefined
 *   d4 72 id             defines structure id:  d4 73 00             Set: an array follows
 *                        an array of names      d6 ff, d7 ff, c7 0c ff   Date
 *                        follows, then the      c7–c9 … 74 code      typed array or ArrayBuffer
 *                        values of a record
 *
 * Nothing else passes. msgpackr recurses for each level and allocates from a count before it reads: so every
 * length here is checked against the bytes that are left (a value takes at least one), and the depth against
 * the limit that the encoder keeps. Names that decoding would rename are refused.
 */

const STRUCTURES = 32
const FIRST_STRUCTURE_ID = 0x40
const UNDEFINED = -1

/** Values still to come in the containers around the current one. No user code runs in between: shared. */
const outer = new Float64Array(MAX_DEPTH + 1)
/** Fields of each structure. */
const fields = new Int32Array(STRUCTURES)

const PROTO = Buffer.from('__proto__')

/** Throws DECODE_FAILED unless `bytes` are exactly `count` values that the encoder could have written. */
export function assertMessages(bytes: Uint8Array, count: number): void {
  const end = bytes.byteLength
  fields.fill(UNDEFINED)
  let at = 0
  let depth = 0
  let left = count
  for (;;) {
    while (left === 0) {
      if (depth === 0) {
        if (at !== end) throw decodeFailed('bytes are left behind the last value', at)
        return
      }
      left = outer[--depth] as number
    }
    left--
    if (at >= end) throw decodeFailed('the bytes end before the last value', at)
    const token = bytes[at++] as number
    /** Values inside this one; -1: it holds none. */
    let inside = -1
    if (token < 0x40 || token >= 0xe0) {
      continue
    } else if (token < 0x80) {
      inside = token < FIRST_STRUCTURE_ID + STRUCTURES ? (fields[token - FIRST_STRUCTURE_ID] as number) : -1
      if (inside < 0) throw decodeFailed('a record of an unknown structure', at - 1)
    } else if (token < 0x90) {
      inside = (token & 0x0f) * 2
    } else if (token < 0xa0) {
      inside = token & 0x0f
    } else if (token < 0xc0) {
      at += token & 0x1f
    } else {
      switch (token) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          continue
        case 0xcb:
        case 0xcf:
        case 0xd3:
          at += 8
          break
        case 0xcc:
        case 0xd0:
          at += 1
          break
        case 0xcd:
        case 0xd1:
          at += 2
          break
        case 0xce:
        case 0xd2:
          at += 4
          break
        case 0xd9:
          at += 1 + u8(bytes, at)
          break
        case 0xda:
          at += 2 + u16(bytes, at)
          break
        case 0xdb:
          at += 4 + u32(bytes, at)
          break
        case 0xdc:
          inside = u16(bytes, at)
          at += 2
          break
        case 0xdd:
          inside = u32(bytes, at)
          at += 4
          break
        case 0xde:
          inside = u16(bytes, at) * 2
          at += 2
          break
        case 0xdf:
          inside = u32(bytes, at) * 2
          at += 4
          break
        case 0xd4: {
          const type = u8(bytes, at)
          const data = u8(bytes, at + 1)
          at += 2
          if (type === 0x00 && data === 0x00) continue
          if (type === 0x72) {
            const id = data - FIRST_STRUCTURE_ID
            if (id < 0 || id >= STRUCTURES) throw decodeFailed('a structure id out of range', at - 1)
            inside = arrayLength(bytes, at)
            at = afterNames(bytes, at, inside)
            fields[id] = inside
          } else if (type === 0x73 && data === 0x00) {
            inside = arrayLength(bytes, at)
            at = afterArrayHeader(bytes, at)
          } else {
            throw decodeFailed('an extension that is never written', at - 2)
          }
          break
        }
        case 0xd6:
        case 0xd7:
          if (u8(bytes, at) !== 0xff) throw decodeFailed('an extension that is never written', at)
          at += token === 0xd6 ? 5 : 9
          break
        case 0xc7:
          at = afterExtension(bytes, at + 1, u8(bytes, at))
          break
        case 0xc8:
          at = afterExtension(bytes, at + 2, u16(bytes, at))
          break
        case 0xc9:
          at = afterExtension(bytes, at + 4, u32(bytes, at))
          break
        default:
          throw decodeFailed('a type that is never written', at - 1)
      }
    }
    if (inside < 0) {
      if (at > end) throw decodeFailed('a value reaches past the end', at)
      continue
    }
    if (inside > end - at) throw decodeFailed('a container of more values than bytes', at)
    if (depth === MAX_DEPTH) throw decodeFailed('containers too deep', at)
    outer[depth++] = left
    left = inside
  }
}

/** Past the end all three read zeros or NaN as zeros; whoever adds them up compares with the end then. */
function u8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

function u16(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 8) | u8(bytes, at + 1)
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2)
}

function arrayLength(bytes: Uint8Array, at: number): number {
  const token = u8(bytes, at)
  if (token >= 0x90 && token < 0xa0) return token & 0x0f
  if (token === 0xdc) return u16(bytes, at + 1)
  if (token === 0xdd) return u32(bytes, at + 1)
  throw decodeFailed('no array where one must follow', at)
}

function afterArrayHeader(bytes: Uint8Array, at: number): number {
  const token = u8(bytes, at)
  return at + (token < 0xa0 ? 1 : token === 0xdc ? 3 : 5)
}

/** Behind an array of `count` strings that can be names of properties. */
function afterNames(bytes: Uint8Array, start: number, count: number): number {
  let at = afterArrayHeader(bytes, start)
  if (count > bytes.byteLength - at) throw decodeFailed('a structure of more names than bytes', start)
  for (let index = 0; index < count; index++) {
    const token = u8(bytes, at++)
    let length = 0
    if (token >= 0xa0 && token < 0xc0) {
      length = token & 0x1f
    } else if (token === 0xd9) {
      length = u8(bytes, at)
      at += 1
    } else if (token === 0xda) {
      length = u16(bytes, at)
      at += 2
    } else if (token === 0xdb) {
      length = u32(bytes, at)
      at += 4
    } else {
      throw decodeFailed('a property name that is no string', at - 1)
    }
    if (length > bytes.byteLength - at) throw decodeFailed('a property name reaches past the end', at)
    if (length === PROTO.byteLength && PROTO.equals(bytes.subarray(at, at + length))) {
      throw decodeFailed('a property named __proto__', at)
    }
    at += length
  }
  return at
}

/** Behind the type and the data of an extension of this length: a Date or binary data. */
function afterExtension(bytes: Uint8Array, start: number, length: number): number {
  const end = start + 1 + length
  if (end > bytes.byteLength) throw decodeFailed('an extension reaches past the end', start)
  const type = bytes[start]
  if (type === 0xff && length === 12) return end
  if (type === 0x74 && length > 0) {
    const element = elementBytes(bytes[start + 1] as number)
    if (element !== undefined && (length - 1) % element === 0) return end
  }
  throw decodeFailed('an extension that is never written', start)
}
