import { MAX_DEPTH } from './limits.ts'
import { RecordStructure } from './record-structure.ts'
import { decodeFailed } from './refusals.ts'
import { SHORT_TEXT_BYTES, shortText } from './short-text.ts'
import { elementBytes, typedArrayFrom } from './typed-arrays.ts'

/*
 * Bytes to values, in one pass over bytes that may be hostile: nothing is allocated for a count or a length
 * that the bytes left don't allow (each value takes one at least), and no value is deeper than the encoder goes.
 *
 * Why not msgpackr's own decoder. It takes the byte order mark off strings of more than 64 bytes, unless its
 * native addon is loaded. It recurses and allocates before it looks, so another pass has to go before it. And
 * it prepares every structure anew in each frame, which is what frames of a few records spend their time on.
 * The tests hold the two against each other.
 */

/** State of the call that is running: nothing of the caller's runs in between. */
const NOTHING: Buffer = Buffer.alloc(0)
let source: Buffer = NOTHING
let view: DataView | undefined
let at = 0
let end = 0
let depth = 0
const structures: (RecordStructure | undefined)[] = []

/** What each id meant in the frames before: a guess, to be compared with the definition at hand. */
const lastDefined: (RecordStructure | undefined)[] = []
const REMEMBERED_BYTES = 2048

/**
 * The last text of each length up to this, if it was ASCII: names of commands, codes and the like come again and
 * again, and take neither time nor memory then.
 */
const KNOWN_TEXT_BYTES = 32
const lastTexts: string[] = []
const ASCII_END = 0x80

const SHORT_FRAME_BYTES = 512

/** V8 takes room for so many items at once, however hostile the bytes; more come as they are read. */
const PREPARED_ITEMS = 16_384

/** Exactly `count` values in exactly these bytes, or DECODE_FAILED. They share no memory with `bytes`. */
export function readMessages(bytes: Uint8Array, count: number): unknown[] {
  source = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  at = 0
  end = bytes.byteLength
  depth = -1
  try {
    const values = array(count)
    if (at !== end) throw decodeFailed('the bytes do not end with the last value', at)
    return values
  } finally {
    source = NOTHING
    view = undefined
    structures.length = 0
  }
}

function value(): unknown {
  const token = u8()
  if (token < 0x40) return token
  if (token < 0x80) return record(structures[token])
  if (token < 0x90) return map(token & 0x0f)
  if (token < 0xa0) return array(token & 0x0f)
  if (token < 0xc0) return text(token & 0x1f)
  if (token >= 0xe0) return token - 0x100
  switch (token) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc7:
      return extension(u8())
    case 0xc8:
      return extension(u16())
    case 0xc9:
      return extension(u32())
    case 0xcb:
      return float64(take(8))
    case 0xcc:
      return u8()
    case 0xcd:
      return u16()
    case 0xce:
      return u32()
    case 0xcf:
      return source.readBigUInt64BE(take(8))
    case 0xd0:
      return (u8() << 24) >> 24
    case 0xd1:
      return (u16() << 16) >> 16
    case 0xd2:
      return u32() | 0
    case 0xd3:
      return source.readBigInt64BE(take(8))
    case 0xd4:
      return tagged(u8(), u8())
    case 0xd6:
      return shortTimestamp(4)
    case 0xd7:
      return shortTimestamp(8)
    case 0xd9:
      return text(u8())
    case 0xda:
      return text(u16())
    case 0xdb:
      return text(u32())
    case 0xdc:
      return array(u16())
    case 0xdd:
      return array(u32())
    case 0xde:
      return map(u16())
    case 0xdf:
      return map(u32())
    default:
      throw neverWritten()
  }
}

/** Where the next so many bytes begin, which are there. Moves on behind them. */
function take(bytes: number): number {
  const start = at
  if (bytes > end - start) throw decodeFailed('the bytes end inside a value', start)
  at += bytes
  return start
}

/** A DataView is faster, but for a few numbers it is not worth making one. */
function float64(start: number): number {
  if (end <= SHORT_FRAME_BYTES) return source.readDoubleBE(start)
  view ??= new DataView(source.buffer, source.byteOffset, end)
  return view.getFloat64(start)
}

function u8(): number {
  if (at >= end) throw decodeFailed('the bytes end inside a value', at)
  return source[at++] as number
}

function u16(): number {
  return (u8() << 8) | u8()
}

function u32(): number {
  return u16() * 0x10000 + u16()
}

function text(bytes: number): string {
  const start = take(bytes)
  if (bytes > KNOWN_TEXT_BYTES) return source.toString('utf8', start, at)
  const last = lastTexts[bytes]
  if (last !== undefined && isAt(last, start)) return last
  let seen = 0
  for (let index = start; index < at; index++) seen |= source[index] as number
  if (seen >= ASCII_END) return source.toString('utf8', start, at)
  return (lastTexts[bytes] =
    bytes > SHORT_TEXT_BYTES ? source.toString('latin1', start, at) : shortText(source, start, bytes))
}

/** Whether this text of ASCII stands there. */
function isAt(text: string, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== source[start + index]) return false
  }
  return true
}

/** A container begins, of so many values. */
function enter(count: number): void {
  if (count > end - at) throw decodeFailed('a container of more values than bytes', at)
  if (depth === MAX_DEPTH) throw decodeFailed(`more than ${MAX_DEPTH} containers deep`, at)
  depth++
}

function array(count: number): unknown[] {
  enter(count)
  // Pushed to, an array takes room for more than it needs.
  // oxlint-disable-next-line unicorn/no-new-array
  const values: unknown[] = count > PREPARED_ITEMS ? [] : new Array<unknown>(count)
  for (let index = 0; index < count; index++) values[index] = value()
  depth--
  return values
}

function map(count: number): Map<unknown, unknown> {
  enter(count * 2)
  const entries = new Map<unknown, unknown>()
  for (let index = 0; index < count; index++) {
    const key = value()
    entries.set(key, value())
  }
  depth--
  return entries
}

function record(structure: RecordStructure | undefined): Record<string, unknown> {
  if (structure === undefined) throw decodeFailed('a record of a structure that is not defined', at)
  enter(structure.names.length)
  const object = structure.read(value)
  depth--
  return object
}

/** What a type and one byte stand for. */
function tagged(type: number, data: number): unknown {
  switch (type) {
    case 0x00:
      if (data !== 0) throw neverWritten()
      return undefined
    case 0x72:
      return record(define(data))
    case 0x73:
      if (data !== 0) throw neverWritten()
      return new Set(array(arrayHeader()))
    default:
      throw neverWritten()
  }
}

/** The number of values in the array that must begin here. */
function arrayHeader(): number {
  const token = u8()
  if (token >= 0x90 && token < 0xa0) return token & 0x0f
  if (token === 0xdc) return u16()
  if (token === 0xdd) return u32()
  throw decodeFailed('no array where one must be', at)
}

function define(id: number): RecordStructure {
  if (id < 0x40 || id >= 0x60) throw neverWritten()
  const start = at
  // Most frames define what those before them did.
  const last = lastDefined[id]
  if (last?.isDefinedAt(source, start)) {
    at += last.definition.length
    structures[id] = last
    return last
  }
  const count = arrayHeader()
  const firstName = at
  for (let index = 0; index < count; index++) skipName()
  const definition = source.subarray(start, at)
  const structure =
    RecordStructure.known(definition) ?? RecordStructure.create(namesAt(firstName, count), definition)
  structures[id] = structure
  if (structure.definition.length <= REMEMBERED_BYTES) lastDefined[id] = structure
  return structure
}

function skipName(): void {
  const token = u8()
  if (token >= 0xa0 && token < 0xc0) take(token & 0x1f)
  else if (token === 0xd9) take(u8())
  else if (token === 0xda) take(u16())
  else if (token === 0xdb) take(u32())
  else throw decodeFailed('no property name where one must be', at)
}

/** Those that were just stepped over. */
function namesAt(firstName: number, count: number): string[] {
  const behind = at
  at = firstName
  const result: string[] = []
  for (let index = 0; index < count; index++) {
    const name = value() as string
    if (name === '__proto__') throw decodeFailed('a property named __proto__', at)
    result.push(name)
  }
  at = behind
  return result
}

function extension(length: number): unknown {
  const type = u8()
  const start = take(length)
  if (type === 0xff && length === 12) return longTimestamp(start)
  if (type === 0x74 && length > 0) {
    const code = source[start] as number
    const element = elementBytes(code)
    if (element !== undefined && (length - 1) % element === 0) {
      const bytes = new Uint8Array(length - 1)
      bytes.set(source.subarray(start + 1, at))
      return typedArrayFrom(code, bytes.buffer)
    }
  }
  throw neverWritten()
}

/** A Date in 32 bits of seconds, or in 30 of nanoseconds and 34 of seconds. */
function shortTimestamp(length: 4 | 8): Date {
  if (u8() !== 0xff) throw neverWritten()
  const start = take(length)
  const high = source.readUInt32BE(start)
  if (length === 4) return dateOf(high, 0)
  return dateOf((high & 0x03) * 0x1_0000_0000 + source.readUInt32BE(start + 4), high >>> 2)
}

/** A Date before 1970 or after 2106: 32 bits of nanoseconds and 64 of seconds. */
function longTimestamp(start: number): Date {
  return dateOf(Number(source.readBigInt64BE(start + 4)), source.readUInt32BE(start))
}

/** Of the nanoseconds, whole milliseconds are written. */
function dateOf(seconds: number, nanoseconds: number): Date {
  return new Date(seconds * 1000 + nanoseconds / 1e6)
}

function neverWritten(): Error {
  return decodeFailed('something that is never written', at)
}
