import { type Binary, bytesOf, CONTAINER, isBinaryKind } from './container.ts'
import { BINARY_PIECE_BYTES, STRING_PIECE_UNITS } from './format.ts'
import { changed, notSerializable } from './refusals.ts'
import { entryStep, itemStep, keyStep, memberStep, propertyStep } from './value-path.ts'

/** There is nothing more in this value. */
export const END: unique symbol = Symbol('end')

/** What a value that is taken apart is made of, one after the other: its slots. */
export interface Slots {
  readonly value: unknown
  /** What OPEN says: elements, entries, UTF-16 units or bytes. */
  readonly size: number
  /** The next slot, or `END`. Throws where the value is not the one any more that was begun with. */
  next(): unknown
  /** Where the last slot is inside this value: `[3]`, `.name`. */
  step(): string
}

/** The slots of a value of this kind. */
export function slotsOf(value: unknown, kind: number): Slots {
  if (isBinaryKind(kind)) return new BinarySlots(value as Binary)
  switch (kind) {
    case CONTAINER.array:
      return new ArraySlots(value as readonly unknown[])
    case CONTAINER.object:
      return new ObjectSlots(value as Readonly<Record<string, unknown>>)
    case CONTAINER.map:
      return new MapSlots(value as ReadonlyMap<unknown, unknown>)
    case CONTAINER.set:
      return new SetSlots(value as ReadonlySet<unknown>)
    default:
      return new StringSlots(value as string)
  }
}

class ArraySlots implements Slots {
  readonly value: readonly unknown[]
  readonly size: number
  #index = -1

  constructor(value: readonly unknown[]) {
    this.value = value
    this.size = value.length
  }

  next(): unknown {
    const index = ++this.#index
    if (this.value.length !== this.size) throw changed()
    if (index === this.size) return END
    const item = this.value[index]
    if (item === undefined && !Object.hasOwn(this.value, index))
      throw notSerializable('is a hole in an array')
    return item
  }

  step(): string {
    return itemStep(this.#index)
  }
}

class ObjectSlots implements Slots {
  readonly value: Readonly<Record<string, unknown>>
  readonly size: number
  /** The one list as long as what is taken apart: JavaScript cannot go through the keys of an object without. */
  readonly #keys: readonly string[]
  #index = -1
  #atKey = false

  constructor(value: Readonly<Record<string, unknown>>) {
    this.value = value
    this.#keys = Object.keys(value)
    this.size = this.#keys.length
  }

  next(): unknown {
    this.#atKey = !this.#atKey
    if (this.#atKey) {
      if (++this.#index === this.size) return END
      const key = this.#keys[this.#index] as string
      // The codec refuses these in small objects: what a value may hold must not depend on its size.
      if (key === '__proto__' || key === '__keys__') throw notSerializable('has a reserved name')
      return key
    }
    const key = this.#keys[this.#index] as string
    const item = this.value[key]
    if (item === undefined && !Object.hasOwn(this.value, key)) throw changed()
    return item
  }

  step(): string {
    return propertyStep(this.#keys[this.#index] as string)
  }
}

class MapSlots implements Slots {
  readonly value: ReadonlyMap<unknown, unknown>
  readonly size: number
  readonly #entries: Iterator<readonly [unknown, unknown]>
  #entry: readonly [unknown, unknown] | undefined
  #count = 0
  #atKey = false

  constructor(value: ReadonlyMap<unknown, unknown>) {
    this.value = value
    this.size = value.size
    this.#entries = value.entries()
  }

  next(): unknown {
    this.#atKey = !this.#atKey
    if (!this.#atKey) return this.#entry?.[1]
    const entry = this.#entries.next()
    // Checked at either end: a map that grows for ever must not be written for ever.
    if (entry.done === true ? this.#count !== this.size : this.#count === this.size) throw changed()
    if (entry.done === true) return END
    this.#count++
    this.#entry = entry.value
    return entry.value[0]
  }

  step(): string {
    const key = this.#entry?.[0]
    return this.#atKey ? keyStep(key) : entryStep(key)
  }
}

class SetSlots implements Slots {
  readonly value: ReadonlySet<unknown>
  readonly size: number
  readonly #members: Iterator<unknown>
  #count = 0

  constructor(value: ReadonlySet<unknown>) {
    this.value = value
    this.size = value.size
    this.#members = value.values()
  }

  next(): unknown {
    const member = this.#members.next()
    if (member.done === true ? this.#count !== this.size : this.#count === this.size) throw changed()
    if (member.done === true) return END
    this.#count++
    return member.value
  }

  step(): string {
    return memberStep(this.#count - 1)
  }
}

/**
 * A string goes as pieces of its UTF-8. It looks as if pieces of string would do; but a codec has its own
 * opinion of strings (this one refuses those that begin with a byte-order mark), and where a piece begins
 * must not matter.
 */
class StringSlots implements Slots {
  readonly value: string
  readonly size: number
  #position = 0

  constructor(value: string) {
    this.value = value
    this.size = value.length
  }

  next(): unknown {
    const start = this.#position
    if (start === this.size) return END
    let end = Math.min(start + STRING_PIECE_UNITS, this.size)
    // Half a pair has no UTF-8: both halves go into the next piece.
    if (end < this.size && isHighSurrogate(this.value.charCodeAt(end - 1))) end--
    this.#position = end
    return utf8.encode(this.value.slice(start, end))
  }

  step(): string {
    return ''
  }
}

class BinarySlots implements Slots {
  readonly value: Binary
  readonly size: number
  readonly #bytes: Uint8Array
  #position = 0

  constructor(value: Binary) {
    this.value = value
    this.#bytes = bytesOf(value)
    this.size = this.#bytes.length
  }

  next(): unknown {
    const start = this.#position
    // A detached buffer has no bytes any more.
    if (this.#bytes.length !== this.size) throw changed()
    if (start === this.size) return END
    this.#position = Math.min(start + BINARY_PIECE_BYTES, this.size)
    return this.#bytes.subarray(start, this.#position)
  }

  step(): string {
    return ''
  }
}

const utf8 = new TextEncoder()

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}
