/** Structures that can be defined at once, and the id of the first. Part of the format. */
const STRUCTURES = 32
const FIRST_ID = 0x40
/** The last id is defined anew for every record that finds no other free. */
const ONE_TIME_ID: number = FIRST_ID + STRUCTURES - 1
/** An object with more names is a dictionary, unlike any other: it is not remembered. */
const MAX_REMEMBERED_NAMES = 128
/** What is remembered of a frame; values that were refused leave paths behind, too. */
const MAX_STEPS = 2 * STRUCTURES * MAX_REMEMBERED_NAMES

/** Names in a row, as a step in the tree of all rows of a frame. */
export class NameStep {
  /** Of the structure that ends here; 0: none does. */
  id = 0
  /** The step that was taken from here last. Most often it is taken again. */
  lastName: string | undefined
  lastStep: NameStep | undefined
  #others: Map<string, NameStep> | undefined

  next(name: string): NameStep | undefined {
    const step = this.#others?.get(name)
    if (step === undefined) return undefined
    this.lastName = name
    this.lastStep = step
    return step
  }

  add(name: string): NameStep {
    const step = new NameStep()
    this.#others ??= new Map()
    this.#others.set(name, step)
    this.lastName = name
    this.lastStep = step
    return step
  }
}

/** The record structures that a frame has defined. */
export class Structures {
  readonly #root = new NameStep()
  readonly #defined: NameStep[] = []
  #steps = 0

  /** How many are defined. */
  get count(): number {
    return this.#defined.length
  }

  get root(): NameStep {
    return this.#root
  }

  /** The id under which a structure of these names, which has none, is to be defined. */
  define(names: readonly string[]): number {
    const id = FIRST_ID + this.#defined.length
    const fits = names.length <= MAX_REMEMBERED_NAMES && this.#steps + names.length <= MAX_STEPS
    if (id === ONE_TIME_ID || !fits) return ONE_TIME_ID
    let step = this.#root
    for (const name of names) {
      let next = step.next(name)
      if (next === undefined) {
        next = step.add(name)
        this.#steps += 1
      }
      step = next
    }
    step.id = id
    this.#defined.push(step)
    return id
  }

  /** Only the first so many are defined: what defined the others was taken back. */
  keep(count: number): void {
    for (const step of this.#defined.splice(count)) step.id = 0
  }
}
