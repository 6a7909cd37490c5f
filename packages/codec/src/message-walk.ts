import { MAX_DEPTH } from './limits.ts'
import { decodeFailed } from './refusals.ts'
import { elementBytes } from './typed-arrays.ts'

/*
 * The part of MessagePack that the codec `msgpack-1` writes. docs/format.md says more under 'Values'.
 *
 *   00–3f                positive integers      80–8f de df          Map: key, value, key, value …
 *   40–5f                a record of structure  90–9f dc dd          array
 *                        40–5f: its values      a0–bf d9 da db       string, UTF-8
 *   e0–ff                negative integers      c0 c2 c3             null, false, true
 *   cb                   float 64               cc cd ce d0 d1 d2    integers
 *   cf d3                bigint                 d4 00 00             undefined
 *   d4 72 id             defines structure id:  d4 73 00             Set: an array follows
 *                        an array of names,     d6 ff, d7 ff, c7 0c ff   Date
 *                        then a record's values c7–c9 … 74 code      typed array or ArrayBuffer
 */

/** How many structures can be defined at once, and the id of the first. Part of the format. */
const STRUCTURES = 32
const FIRST_STRUCTURE = 0x40

const PROTO = Buffer.from('__proto__')

/** Values still to come in each container around the current one. Shared: nothing runs in between. */
const outer = new Float64Array(MAX_DEPTH)

/**
 * Goes over the bytes of values without making them, and refuses whatever the reader would refuse. It is the
 * encoder's proof that what msgpackr wrote is one value that can be read, whatever getters did meanwhile and
 * whatever the application taught msgpackr to write (`addExtension` is for the whole process). One walk for
 * each frame: it knows the structures that the bytes before have defined.
 */
export class MessageWalk {
  readonly #fields: (number | undefined)[] = []

  /** Throws DECODE_FAILED unless `bytes[start, end)` are exactly `count` values. */
  pass(bytes: Uint8Array, start: number, end: number, count: number): void {
    let at = start
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
      /** Values inside this one; -1: it is no container. */
      let inside = -1
      if (token < 0x40 || token >= 0xe0) continue
      else if (token < 0x80) {
        inside = this.#fields[token - FIRST_STRUCTURE] ?? -1
        if (inside < 0) throw decodeFailed('a record of a structure that is not defined', at - 1)
      } else if (token < 0x90) inside = (token & 0x0f) * 2
      else if (token < 0xa0) inside = token & 0x0f
      else if (token < 0xc0) at += token & 0x1f
      else {
        switch (token) {
          case 0xc0:
          case 0xc2:
          case 0xc3:
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
          case 0xcb:
          case 0xcf:
          case 0xd3:
            at += 8
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
            if (type === 0x72) {
              inside = arrayLength(bytes, at)
              at = afterNames(bytes, afterArrayHeader(bytes, at), end, inside)
              this.#define(data - FIRST_STRUCTURE, inside, at)
            } else if (type === 0x73 && data === 0) {
              inside = arrayLength(bytes, at)
              at = afterArrayHeader(bytes, at)
            } else if (type !== 0 || data !== 0) throw neverWritten(at - 2)
            break
          }
          case 0xd6:
          case 0xd7:
            if (u8(bytes, at) !== 0xff) throw neverWritten(at)
            at += token === 0xd6 ? 5 : 9
            break
          case 0xc7:
            at = afterExtension(bytes, at + 1, end, u8(bytes, at))
            break
          case 0xc8:
            at = afterExtension(bytes, at + 2, end, u16(bytes, at))
            break
          case 0xc9:
            at = afterExtension(bytes, at + 4, end, u32(bytes, at))
            break
          default:
            throw neverWritten(at - 1)
        }
      }
      if (at > end) throw decodeFailed('a value reaches past the end', at)
      if (inside < 0) continue
      if (inside > end - at) throw decodeFailed('a container of more values than bytes', at)
      if (depth === MAX_DEPTH) throw decodeFailed(`more than ${MAX_DEPTH} containers deep`, at)
      outer[depth++] = left
      left = inside
    }
  }

  #define(structure: number, fields: number, at: number): void {
    if (structure < 0 || structure >= STRUCTURES) throw decodeFailed('a structure out of range', at)
    this.#fields[structure] = fields
  }
}

/** Past the end these read zeros: whatever reads so far is refused for the place where it ends. */
function u8(bytes: Uint8Array, at: number): number {
  return at < bytes.length ? (bytes[at] as number) : 0
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

/** Where `count` strings end that can be names of properties. */
function afterNames(bytes: Uint8Array, start: number, end: number, count: number): number {
  let at = start
  for (let index = 0; index < count; index++) {
    if (at >= end) throw decodeFailed('the bytes end inside a structure', at)
    const token = bytes[at++] as number
    let text: number
    if (token >= 0xa0 && token < 0xc0) text = token & 0x1f
    else if (token === 0xd9) {
      text = u8(bytes, at)
      at += 1
    } else if (token === 0xda) {
      text = u16(bytes, at)
      at += 2
    } else if (token === 0xdb) {
      text = u32(bytes, at)
      at += 4
    } else throw decodeFailed('a property name that is no string', at - 1)
    // msgpackr would rename it.
    if (text === PROTO.length && PROTO.every((byte, offset) => byte === bytes[at + offset])) {
      throw decodeFailed('a property named __proto__', at)
    }
    at += text
  }
  return at
}

/** Behind the type and the data of an extension of this length: a Date or binary data. */
function afterExtension(bytes: Uint8Array, start: number, end: number, length: number): number {
  const next = start + 1 + length
  if (next > end) throw decodeFailed('an extension reaches past the end', start)
  const type = bytes[start] as number
  if (type === 0xff && length === 12) return next
  if (type === 0x74 && length > 0) {
    const element = elementBytes(bytes[start + 1] as number)
    if (element !== undefined && (length - 1) % element === 0) return next
  }
  throw neverWritten(start)
}

function neverWritten(at: number): Error {
  return decodeFailed('something that is never written', at)
}
