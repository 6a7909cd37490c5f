import { isDeepStrictEqual } from 'node:util'
import { timeless } from './store.ts'
import { type KillGroup, type KillState, groupsAfter, killMachine, step } from './workload.ts'

/** The state after any prefix of the commands, by the machine alone, and what must be there at least. */
export class Expectation {
  /** Acknowledged, or found by a process that opened the store: it must never be gone again. */
  floor = 0
  readonly #groups: Generator<KillGroup, never, undefined>
  readonly #state: KillState = killMachine.initial()
  #seq = 0

  constructor(seed: number, largeMaxBytes?: number) {
    this.#groups = groupsAfter(seed, 0, largeMaxBytes)
  }

  check(seq: number, state: KillState): void {
    if (seq < this.floor) throw new Error(`LOST: ${this.floor} was acknowledged, and ${seq} came back`)
    this.floor = seq
    while (this.#seq < seq) this.#advance(this.#groups.next().value)
    if (this.#seq !== seq) throw new Error(`half a group: ${seq} came back, a group ends at ${this.#seq}`)
    if (state.timeWentBack > 0) throw new Error('the time of a batch went back')
    if (!isDeepStrictEqual(timeless(state), timeless(this.#state))) {
      throw new Error(`the state at ${seq} is not what the first ${seq} commands make`)
    }
  }

  #advance({ firstSeq, commands }: KillGroup): void {
    for (const [index, command] of commands.entries()) step(this.#state, command, firstSeq + index, 0)
    this.#seq = firstSeq + commands.length - 1
  }
}
