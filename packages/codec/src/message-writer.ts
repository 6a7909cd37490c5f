import { types } from 'node:util'
import { HoldfastError } from '@holdfast/environment'
import { assertFits, KEPT_BYTES } from './growing-buffer.ts'
import { hasProperties, packLeaf, reasonAgainst } from './leaves.ts'
import { MAX_DEPTH, MAX_VALUE_BYTES } from './limits.ts'
import { notSerializable, type Reason, reasons, tooLarge } from './refusals.ts'
import { Structures } from './structures.ts'
import { pathText, type Step } from './value-path.ts'

/*
 * Values to bytes, in one pass that refuses what could not be brought back exactly. `message-reader.ts` is its
 * inverse; docs/format.md says under 'Values' what it writes.
 *
 * Why not msgpackr's own encoder. Much of what it takes cannot be brought back, so that a walk has to go before
 * it; a getter may say something else the second time, so that another has to come behind it; and where it
 * throws half-way it remembers structures that were never written. All three take twice as long as this pass.
 */

const FIRST_BYTES = 512
/** No number, and no header of anything, takes more. */
const HEADER_BYTES = 16
/** Up to here, writing ASCII character by character beats a call into native code. */
const SHORT_TEXT = 32
/** UTF-8 of one UTF-16 code unit, at most. */
const UNIT_BYTES = 3
const ASCII_END = 0x80

const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

const NOTHING = Buffer.alloc(0)

/** One number, seen as its bytes: faster than a DataView, and none has to be made for each buffer. Little-endian. */
const float64 = new Float64Array(1)
const float64Bytes = new Uint8Array(float64.buffer)

/** `lib: es2023` doesn't know it yet; Node has it since 20. */
interface WellFormed {
  isWellFormed(): boolean
}

/** What `tuple` made last, until it is written: nothing is kept alive behind that. */
let lastTuple: readonly unknown[] | undefined

/**
 * An array of these items. Encoded next, it need not be searched for properties beside them, which takes longer
 * than writing a short one.
 */
export function tuple<const Items extends readonly unknown[]>(...items: Items): Items {
  lastTuple = items
  return items
}

/** Writes the values of one frame. */
export class MessageWriter {
  /** Of a value, in bytes. */
  readonly #maxBytes: number
  #bytes: Buffer = NOTHING
  #at = 0
  #structures = new Structures()

  // Of the value that is being written:
  #isWriting = false
  /** Where it may not go on. */
  #limit = 0
  /** Containers around what is being written now, and the step into it from each of them. */
  #depth = 0
  readonly #steps: Step[] = []
  readonly #keys: unknown[] = []
  #refusal: HoldfastError | undefined

  constructor(maxBytes: number = MAX_VALUE_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** Bytes written. */
  get bytes(): number {
    return this.#at
  }

  /** Structures defined. */
  get structures(): number {
    return this.#structures.count
  }

  /**
   * Writes a value and returns how many bytes it took. Throws NOT_SERIALIZABLE or RECORD_TOO_LARGE, and has
   * written nothing then.
   */
  write(value: unknown): number {
    this.assertIdle()
    const start = this.#at
    const structures = this.#structures.count
    this.#isWriting = true
    this.#limit = start + this.#maxBytes
    this.#depth = 0
    try {
      this.#value(value)
      if (this.#at > this.#limit) throw this.#refuseSize()
      return this.#at - start
    } catch (error) {
      this.#cut(start, structures)
      throw error === this.#refusal ? error : this.#refuse(reasons.unreadable, this.#depth, error)
    } finally {
      this.#isWriting = false
      this.#refusal = undefined
    }
  }

  /** Takes back what was written behind so many bytes, with so many structures. */
  cut(bytes: number, structures: number): void {
    this.assertIdle()
    this.#cut(bytes, structures)
  }

  /** Begins another frame. */
  reset(): void {
    this.assertIdle()
    this.#at = 0
    this.#structures = new Structures()
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = NOTHING
  }

  copyTo(target: Uint8Array, offset: number): number {
    assertFits(this.#at, target, offset)
    return this.#bytes.copy(target, offset, 0, this.#at)
  }

  /** Throws INVALID_ARGUMENT while a value is being written: what calls then is a getter of that value. */
  assertIdle(): void {
    if (!this.#isWriting) return
    throw new HoldfastError('INVALID_ARGUMENT', 'a getter of the value being encoded used its encoder')
  }

  #cut(bytes: number, structures: number): void {
    this.#at = bytes
    this.#structures.keep(structures)
  }

  #value(value: unknown): void {
    if (this.#at + HEADER_BYTES > this.#bytes.length) this.#reserve(HEADER_BYTES)
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return this.#number(value)
      case 'object':
        if (value !== null) return this.#object(value)
        this.#bytes[this.#at++] = 0xc0
        return
      case 'boolean':
        this.#bytes[this.#at++] = value ? 0xc3 : 0xc2
        return
      case 'undefined':
        this.#bytes[this.#at++] = 0xd4
        this.#bytes[this.#at++] = 0
        this.#bytes[this.#at++] = 0
        return
      case 'bigint':
        if (value < MIN_INT64 || value > MAX_UINT64) throw this.#refuse(reasons.bigint)
        return this.#leaf(value)
      case 'function':
        throw this.#refuse(reasons.function)
      default:
        throw this.#refuse(reasons.symbol)
    }
  }

  #number(value: number): void {
    const bytes = this.#bytes
    if (value >>> 0 === value) {
      if (value < 0x40) {
        if (value === 0 && Object.is(value, -0)) throw this.#refuse(reasons.negativeZero)
        bytes[this.#at++] = value
      } else if (value < 0x100) {
        bytes[this.#at++] = 0xcc
        bytes[this.#at++] = value
      } else if (value < 0x10000) this.#header16(0xcd, value)
      else this.#header32(0xce, value)
    } else if ((value | 0) === value) {
      if (value >= -0x20) bytes[this.#at++] = value
      else if (value >= -0x80) {
        bytes[this.#at++] = 0xd0
        bytes[this.#at++] = value
      } else if (value >= -0x8000) this.#header16(0xd1, value)
      else this.#header32(0xd2, value)
    } else {
      this.#float64(value)
    }
  }

  #float64(value: number): void {
    // One NaN, whichever it was.
    float64[0] = Number.isNaN(value) ? Number.NaN : value
    const bytes = this.#bytes
    const at = this.#at
    bytes[at] = 0xcb
    for (let index = 0; index < 8; index++) bytes[at + 1 + index] = float64Bytes[7 - index] as number
    this.#at = at + 9
  }

  #header16(token: number, value: number): void {
    const at = this.#at
    this.#bytes[at] = token
    this.#bytes[at + 1] = value >> 8
    this.#bytes[at + 2] = value
    this.#at = at + 3
  }

  #header32(token: number, value: number): void {
    const at = this.#at
    this.#bytes[at] = token
    this.#bytes[at + 1] = value >>> 24
    this.#bytes[at + 2] = value >>> 16
    this.#bytes[at + 3] = value >>> 8
    this.#bytes[at + 4] = value
    this.#at = at + 5
  }

  #text(text: string): void {
    const { length } = text
    if (this.#at + length * UNIT_BYTES + HEADER_BYTES > this.#bytes.length) this.#reserveText(text)
    if (length < SHORT_TEXT) {
      const bytes = this.#bytes
      const start = this.#at + 1
      let index = 0
      for (; index < length; index++) {
        const unit = text.charCodeAt(index)
        if (unit >= ASCII_END) break
        bytes[start + index] = unit
      }
      if (index === length) {
        bytes[start - 1] = 0xa0 | length
        this.#at = start + length
        return
      }
    }
    this.#longText(text)
  }

  #longText(text: string): void {
    if (!(text as unknown as WellFormed).isWellFormed()) throw this.#refuse(reasons.surrogate)
    // The header depends on the length in bytes, which is known behind it: most often it is that of ASCII.
    const guess = textHeaderBytes(text.length)
    const start = this.#at
    const length = this.#bytes.write(text, start + guess, 'utf8')
    const needed = textHeaderBytes(length)
    if (needed !== guess) this.#bytes.copyWithin(start + needed, start + guess, start + guess + length)
    if (needed === 1) this.#bytes[start] = 0xa0 | length
    else if (needed === 2) {
      this.#bytes[start] = 0xd9
      this.#bytes[start + 1] = length
    } else if (needed === 3) this.#header16(0xda, length)
    else this.#header32(0xdb, length)
    this.#at = start + needed + length
  }

  #object(value: object): void {
    if (types.isProxy(value)) throw this.#refuse(reasons.proxy)
    const depth = this.#depth
    // Faster than Object.getPrototypeOf. A property of this name may lie about it, in both directions: as "plain"
    // the object is refused for having such a property, and otherwise it is asked for properly.
    const claim = (value as { __proto__: unknown }).__proto__
    if (claim === Object.prototype) this.#record(value as Record<string, unknown>)
    else if (claim === Array.prototype && Array.isArray(value)) this.#array(value)
    else this.#other(value, Object.getPrototypeOf(value))
    this.#depth = depth
  }

  #other(value: object, prototype: unknown): void {
    if (prototype === Map.prototype && types.isMap(value)) this.#map(value)
    else if (prototype === Set.prototype && types.isSet(value)) this.#set(value)
    else if (prototype === Object.prototype) this.#record(value as Record<string, unknown>)
    else {
      const reason = reasonAgainst(value, prototype)
      if (reason !== undefined) throw this.#refuse(reason)
      this.#leaf(value)
    }
  }

  #record(value: Record<string, unknown>): void {
    const count = Object.getOwnPropertyNames(value).length
    let seen = 0
    let step = this.#structures.root
    let isKnown = true
    // The names first: which structure it is has to be said before the values.
    for (const name in value) {
      seen++
      const next = name === step.lastName ? step.lastStep : step.next(name)
      if (next === undefined) {
        isKnown = false
        break
      }
      step = next
    }
    if (isKnown && step.id !== 0 && seen === count) this.#bytes[this.#at++] = step.id
    else this.#define(value, count)
    const depth = this.#enter('property')
    seen = 0
    for (const name in value) {
      seen++
      this.#keys[depth] = name
      const item = value[name]
      if (typeof item === 'string') this.#text(item)
      else this.#value(item)
    }
    // A getter may have taken properties away.
    if (seen !== count) throw this.#refuse(reasons.changed, depth)
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.#refuse(reasons.symbolKey, depth)
  }

  #define(value: Record<string, unknown>, count: number): void {
    const names: string[] = []
    for (const name in value) names.push(name)
    if (names.length !== count) throw this.#refuse(reasons.hiddenProperty)
    const id = this.#structures.define(names)
    this.#bytes[this.#at++] = 0xd4
    this.#bytes[this.#at++] = 0x72
    this.#bytes[this.#at++] = id
    this.#arrayHeader(count)
    const depth = this.#enter('property')
    for (const name of names) {
      this.#keys[depth] = name
      // A reader of ours refuses the one, and msgpackr keeps its own notes under the other.
      if (name === '__proto__' || name === '__keys__') throw this.#refuse(reasons.reservedName)
      this.#text(name)
    }
    this.#depth = depth
  }

  #array(value: readonly unknown[]): void {
    const { length } = value
    this.#arrayHeader(length)
    const depth = this.#enter('item')
    for (let index = 0; index < length; index++) {
      this.#keys[depth] = index
      const item = value[index]
      if (item === undefined && !Object.hasOwn(value, index)) throw this.#refuse(reasons.hole)
      this.#value(item)
    }
    if (value.length !== length) throw this.#refuse(reasons.changed, depth)
    if (value === lastTuple) {
      lastTuple = undefined
      return
    }
    if (Object.keys(value).length !== length) throw this.#refuse(reasons.namedProperty, depth)
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.#refuse(reasons.symbolKey, depth)
  }

  #arrayHeader(count: number): void {
    this.#assertRoomFor(count)
    if (count < 0x10) this.#bytes[this.#at++] = 0x90 | count
    else if (count < 0x10000) this.#header16(0xdc, count)
    else this.#header32(0xdd, count)
  }

  #map(value: ReadonlyMap<unknown, unknown>): void {
    const { size } = value
    this.#assertRoomFor(size * 2)
    if (size < 0x10) this.#bytes[this.#at++] = 0x80 | size
    else if (size < 0x10000) this.#header16(0xde, size)
    else this.#header32(0xdf, size)
    const depth = this.#enter('entry')
    let seen = 0
    for (const [key, item] of value) {
      // What a getter adds meanwhile does not count, as with properties. It might go on for ever.
      if (seen++ === size) break
      this.#keys[depth] = key
      this.#steps[depth] = 'key'
      this.#value(key)
      this.#steps[depth] = 'entry'
      this.#value(item)
    }
    this.#finishCollection(value, seen >= size, depth)
    // The writer serves many frames, and a key may be anything.
    this.#keys[depth] = undefined
  }

  #set(value: ReadonlySet<unknown>): void {
    const { size } = value
    this.#bytes[this.#at++] = 0xd4
    this.#bytes[this.#at++] = 0x73
    this.#bytes[this.#at++] = 0
    this.#arrayHeader(size)
    const depth = this.#enter('member')
    let seen = 0
    for (const member of value) {
      if (seen === size) break
      this.#keys[depth] = seen++
      this.#value(member)
    }
    this.#finishCollection(value, seen === size, depth)
  }

  /** A getter may have taken members away. */
  #finishCollection(value: object, isWhole: boolean, depth: number): void {
    if (!isWhole) throw this.#refuse(reasons.changed, depth)
    if (hasProperties(value)) throw this.#refuse(reasons.namedProperty, depth)
  }

  #leaf(value: unknown): void {
    const bytes = ArrayBuffer.isView(value) || types.isArrayBuffer(value) ? value.byteLength : 0
    this.#reserve(bytes + HEADER_BYTES)
    const packed = packLeaf(value)
    if (packed === undefined) throw this.#refuse(reasons.extended)
    this.#at += packed.copy(this.#bytes, this.#at, packed.start, packed.end)
  }

  /** Each value takes a byte at least: what cannot fit is not begun. */
  #assertRoomFor(values: number): void {
    if (this.#at + values >= this.#limit) throw this.#refuseSize()
  }

  /** A container begins. Gives how many are around it. */
  #enter(step: Step): number {
    const depth = this.#depth
    if (depth === MAX_DEPTH) throw this.#refuse(reasons.depth)
    this.#steps[depth] = step
    this.#depth = depth + 1
    return depth
  }

  /** Makes room for a text, and for what comes before it. */
  #reserveText(text: string): void {
    const most = text.length * UNIT_BYTES
    if (this.#at + most + HEADER_BYTES <= this.#bytes.length) return
    // Of a long one the length in bytes is worth a look.
    this.#reserve(HEADER_BYTES + (text.length < SHORT_TEXT ? most : Buffer.byteLength(text)))
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.length) return
    if (needed - HEADER_BYTES > this.#limit) throw this.#refuseSize()
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2, FIRST_BYTES))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }

  /** About what is being written, or about one of the containers around it. */
  #refuse(reason: Reason, depth: number = this.#depth, cause?: unknown): HoldfastError {
    const at = pathText(this.#steps, this.#keys, depth)
    this.#refusal = notSerializable(at, reason, cause)
    return this.#refusal
  }

  #refuseSize(): HoldfastError {
    this.#refusal = tooLarge(this.#maxBytes)
    return this.#refusal
  }
}

function textHeaderBytes(length: number): number {
  return length < 0x20 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5
}
