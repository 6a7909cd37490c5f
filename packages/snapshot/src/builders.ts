import { constants } from 'node:buffer'
import { binaryFrom, CONTAINER, elementBytes, isBinaryKind } from './container.ts'
import { malformed } from './refusals.ts'

/** Puts a value together again from its slots. The counterpart of `Slots`. */
export interface Builder {
  /** The slots that come next: those of `slots` from `from` on, before `to`; one at least. */
  take(slots: readonly unknown[], from: number, to: number): void
  /** The value. Throws `DECODE_FAILED` unless exactly all of it has come. */
  finish(): unknown
}

/**
 * A builder for what an OPEN says. `bytesLeft` bounds what is allocated before anything has come.
 * Throws `DECODE_FAILED` for a kind or a size that no writer writes.
 */
export function builderOf(kind: number, size: number, bytesLeft: number): Builder {
  if (isBinaryKind(kind)) return new BinaryBuilder(kind, size, bytesLeft)
  switch (kind) {
    case CONTAINER.array:
      return new ArrayBuilder(size)
    case CONTAINER.object:
      return new ObjectBuilder(size)
    case CONTAINER.map:
      return new MapBuilder(size)
    case CONTAINER.set:
      return new SetBuilder(size)
    case CONTAINER.string:
      return new StringBuilder(size)
    default:
      throw malformed(`there is no container of kind ${kind}`)
  }
}

class ArrayBuilder implements Builder {
  readonly #size: number
  readonly #value: unknown[] = []

  constructor(size: number) {
    this.#size = size
  }

  take(slots: readonly unknown[], from: number, to: number): void {
    const value = this.#value
    for (let index = from; index < to; index++) value.push(slots[index])
  }

  finish(): unknown {
    if (this.#value.length !== this.#size) throw wrongSize(this.#size)
    return this.#value
  }
}

/** Slots that alternate between keys and what stands under them. */
abstract class EntriesBuilder implements Builder {
  readonly #size: number
  #entries = 0
  #key: unknown
  #hasKey = false

  constructor(size: number) {
    this.#size = size
  }

  /** Adds an entry: false for a key that was there already, or cannot be one. */
  protected abstract set(key: unknown, value: unknown): boolean
  protected abstract readonly value: unknown

  take(slots: readonly unknown[], from: number, to: number): void {
    let index = from
    if (this.#hasKey) this.#add(this.#key, slots[index++])
    for (; index + 1 < to; index += 2) this.#add(slots[index], slots[index + 1])
    if (index < to) {
      this.#key = slots[index]
      this.#hasKey = true
    }
  }

  finish(): unknown {
    if (this.#hasKey || this.#entries !== this.#size) throw wrongSize(this.#size)
    return this.value
  }

  #add(key: unknown, value: unknown): void {
    this.#hasKey = false
    this.#entries += 1
    if (!this.set(key, value)) throw malformed('a key stands twice in a value, or cannot be its key')
  }
}

class ObjectBuilder extends EntriesBuilder {
  protected readonly value: Record<string, unknown> = {}

  protected set(key: unknown, value: unknown): boolean {
    if (typeof key !== 'string' || key === '__proto__' || Object.hasOwn(this.value, key)) return false
    this.value[key] = value
    return true
  }
}

class MapBuilder extends EntriesBuilder {
  protected readonly value: Map<unknown, unknown> = new Map()

  protected set(key: unknown, value: unknown): boolean {
    const before = this.value.size
    return this.value.set(key, value).size > before
  }
}

class SetBuilder implements Builder {
  readonly #size: number
  readonly #value: Set<unknown> = new Set()
  #count = 0

  constructor(size: number) {
    this.#size = size
  }

  take(slots: readonly unknown[], from: number, to: number): void {
    for (let index = from; index < to; index++) this.#value.add(slots[index])
    this.#count += to - from
    if (this.#value.size !== this.#count) throw malformed('a member stands twice in a set')
  }

  finish(): unknown {
    if (this.#count !== this.#size) throw wrongSize(this.#size)
    return this.#value
  }
}

class StringBuilder implements Builder {
  readonly #size: number
  #value = ''

  constructor(size: number) {
    if (size > constants.MAX_STRING_LENGTH) throw malformed(`no string has ${size} units`)
    this.#size = size
  }

  take(slots: readonly unknown[], from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const piece = textOf(slots[index])
      if (this.#value.length + piece.length > this.#size) throw wrongSize(this.#size)
      // Pieces are only chained here; the engine joins them once, when the text is first looked at.
      this.#value += piece
    }
  }

  finish(): unknown {
    if (this.#value.length !== this.#size) throw wrongSize(this.#size)
    return this.#value
  }
}

// A byte-order mark is a character like any other: it must come back.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(piece: unknown): string {
  if (!(piece instanceof Uint8Array)) throw malformed('a piece of a string is no bytes')
  try {
    return utf8.decode(piece)
  } catch (cause) {
    throw malformed('a piece of a string is not UTF-8', cause)
  }
}

/**
 * Binary data goes straight into its final memory. A size is only believed as far as bytes stand behind it: as many as
 * the file has left, and past that (it may be compressed) twice what has come.
 */
class BinaryBuilder implements Builder {
  readonly #kind: number
  readonly #size: number
  #bytes: Uint8Array<ArrayBuffer>
  #length = 0

  constructor(kind: number, size: number, bytesLeft: number) {
    if (size % elementBytes(kind) !== 0 || size > constants.MAX_LENGTH) {
      throw malformed(`no binary value of kind ${kind} has ${size} bytes`)
    }
    this.#kind = kind
    this.#size = size
    this.#bytes = new Uint8Array(Math.min(size, bytesLeft))
  }

  take(slots: readonly unknown[], from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const piece = slots[index]
      if (!(piece instanceof Uint8Array)) throw malformed('a piece of binary data is no bytes')
      if (this.#length + piece.length > this.#size) throw wrongSize(this.#size)
      this.#reserve(this.#length + piece.length)
      this.#bytes.set(piece, this.#length)
      this.#length += piece.length
    }
  }

  finish(): unknown {
    if (this.#length !== this.#size) throw wrongSize(this.#size)
    return binaryFrom(this.#kind, this.#bytes.buffer)
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.min(this.#size, Math.max(bytes, this.#length * 2)))
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

function wrongSize(size: number): Error {
  return malformed(`a value that was to have the size ${size} has another one`)
}
