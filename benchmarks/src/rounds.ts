import { closeSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '@holdfast/testing/environment'
import type { Cell, CellResult, Contender, Outcome, Run } from './part.ts'
import { runChild } from './run-child.ts'

/** Hears of each run. */
export interface RunListener {
  begins(run: Run, of: string): void
  ended(run: Run, outcome: Outcome): void
}

/** Runs the rounds of cells, one process at a time. */
export class Rounds {
  readonly #directory: string
  readonly #compiled: string
  readonly #random: SeededRandom
  readonly #listener: RunListener
  /** What came of what was prepared, by name. */
  readonly #prepared: Map<string, Outcome> = new Map()

  /** In a directory that is empty: everything is below it, on one file system. */
  constructor(directory: string, seed: number, listener: RunListener) {
    this.#directory = directory
    this.#compiled = join(directory, 'compiled')
    this.#random = new SeededRandom(seed)
    this.#listener = listener
  }

  /** In each round every contender has one run, in an order that is drawn anew. */
  async play({ id, rounds, contenders }: Cell): Promise<CellResult> {
    const outcomes = new Map<string, Outcome[]>(contenders.map(({ name }) => [name, []]))
    for (const contender of contenders) await this.#prepare(contender)
    for (let round = 1; round <= rounds; round += 1) {
      for (const contender of this.#shuffled(contenders)) {
        this.#listener.begins(contender, `${id}, round ${round} of ${rounds}`)
        const outcome = await this.#compete(contender)
        outcomes.get(contender.name)?.push(outcome)
        this.#listener.ended(contender, outcome)
      }
    }
    return { id, outcomes: Object.fromEntries(outcomes) }
  }

  async #prepare({ needs }: Contender): Promise<void> {
    if (needs === undefined || this.#prepared.has(needs.name)) return
    this.#listener.begins(needs, 'preparing')
    const directory = this.#preparedDirectory(needs)
    mkdirSync(directory, { recursive: true })
    const outcome = await runChild(needs, { directory }, { compiled: this.#compiled })
    this.#prepared.set(needs.name, outcome)
    this.#listener.ended(needs, outcome)
  }

  async #compete(contender: Contender): Promise<Outcome> {
    const { needs } = contender
    const prepared = needs === undefined ? undefined : this.#prepared.get(needs.name)
    // What it was to read could not be made: that is what came of it.
    if (prepared !== undefined && !('figures' in prepared)) return prepared
    const directory = join(this.#directory, 'run')
    mkdirSync(directory)
    try {
      const place =
        needs === undefined ? { directory } : { directory, prepared: this.#preparedDirectory(needs) }
      return await runChild(contender, place, { compiled: this.#compiled })
    } finally {
      rmSync(directory, { recursive: true })
      this.#settle()
    }
  }

  #preparedDirectory({ name }: Run): string {
    return join(this.#directory, 'prepared', name)
  }

  /** What a contender left to the kernel to write is not to be written while the next one runs. */
  #settle(): void {
    const descriptor = openSync(this.#directory, 'r')
    fsyncSync(descriptor)
    closeSync(descriptor)
  }

  /** Fisher and Yates. */
  #shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let last = shuffled.length - 1; last > 0; last -= 1) {
      const other = this.#random.below(last + 1)
      const held = shuffled[last] as T
      shuffled[last] = shuffled[other] as T
      shuffled[other] = held
    }
    return shuffled
  }
}
