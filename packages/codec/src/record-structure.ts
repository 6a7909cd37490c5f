/** How many structures are remembered across frames, and the longest definition that is, in bytes. */
const KNOWN_STRUCTURES = 512
const KNOWN_BYTES = 2048
/** A function is made for a structure that was read so often, if it has no more fields than this. */
const READS_BEFORE_COMPILING = 8
const COMPILED_FIELDS = 64

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

type ReadValue = () => unknown
type Make = () => Record<string, unknown>

const known = new Map<string, RecordStructure>()
let mayCompile = true

/**
 * The names of a record's fields, in order. Each frame defines those that it uses. What is remembered beyond
 * it is only what the very same bytes of a definition meant before.
 */
export class RecordStructure {
  readonly names: readonly string[]
  /** The bytes that define it. */
  readonly definition: Uint8Array
  #reads = 0
  #make: Make | undefined

  constructor(names: readonly string[], definition: Uint8Array) {
    this.names = names
    this.definition = definition
  }

  /** The structure that these bytes define, if it is known. */
  static known(definition: Buffer): RecordStructure | undefined {
    return definition.length > KNOWN_BYTES ? undefined : known.get(definition.toString('latin1'))
  }

  /** A structure that wasn't known. */
  static create(names: readonly string[], definition: Buffer): RecordStructure {
    const structure = new RecordStructure(names, Uint8Array.from(definition))
    if (definition.length <= KNOWN_BYTES) {
      if (known.size === KNOWN_STRUCTURES) known.clear()
      known.set(definition.toString('latin1'), structure)
    }
    return structure
  }

  /** Whether `source` has this definition at `start`. */
  isDefinedAt(source: Uint8Array, start: number): boolean {
    const { definition } = this
    if (start + definition.length > source.length) return false
    for (let index = 0; index < definition.length; index++) {
      if (definition[index] !== source[start + index]) return false
    }
    return true
  }

  /** A record of the values that come next. `value`, which reads one, is the same at each call. */
  read(value: ReadValue): Record<string, unknown> {
    if (this.#make !== undefined) return this.#make()
    if (++this.#reads === READS_BEFORE_COMPILING) this.#compile(value)
    const { names } = this
    const object: Record<string, unknown> = {}
    for (let index = 0; index < names.length; index++) object[names[index] as string] = value()
    return object
  }

  /**
   * As an object literal, a record is made half again as fast as property by property. Where making code of
   * strings is switched off (`--disallow-code-generation-from-strings`), the loop above goes on.
   */
  #compile(value: ReadValue): void {
    if (!mayCompile || this.names.length > COMPILED_FIELDS) return
    const fields = this.names.map(
      (name) => `${IDENTIFIER.test(name) ? name : `[${JSON.stringify(name)}]`}:value()`,
    )
    try {
      // Each name stands there as an identifier or a JSON string, and none is __proto__: none can be code.
      // oxlint-disable-next-line typescript/no-implied-eval
      const maker = new Function('value', `return () => ({${fields.join(',')}})`) as (read: ReadValue) => Make
      this.#make = maker(value)
    } catch {
      mayCompile = false
    }
  }
}
