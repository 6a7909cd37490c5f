import { isDeepStrictEqual } from 'node:util'
import { timeless } from '../kill/store.ts'
import { type KillOutcome, type KillState, killMachine, step } from '../kill/workload.ts'
import type { Found } from './told.ts'
import { type Group, groupOf, largeGroupOf } from './script.ts'

interface Entry {
  readonly number: number
  readonly group: Group
  /** Unknown: it may be there. Lost: it was not when the store was opened again, and must never be. */
  status: 'unknown' | 'acknowledged' | 'not written' | 'lost'
  outcomes?: readonly KillOutcome[]
}

/**
 * What was handed in to a store, in order, and what must come back of it: exactly the state of a prefix, with
 * all that was acknowledged, and without what was refused as not written.
 */
export class Account {
  readonly #entries: Entry[] = []

  issued(number: number, bytes: number | undefined): void {
    const group = bytes === undefined ? groupOf(number) : largeGroupOf(bytes)
    this.#entries.push({ number, group, status: 'unknown' })
  }

  acknowledged(number: number, outcomes: readonly KillOutcome[]): void {
    const entry = this.#entry(number)
    entry.status = 'acknowledged'
    entry.outcomes = outcomes
  }

  notWritten(number: number): void {
    this.#entry(number).status = 'not written'
  }

  /**
   * The store was opened. After a writer has done so, what is there stays, and what is not will not come. Throws
   * what is wrong with it.
   */
  opened(by: 'writer' | 'reader', seq: number, found: Found): void {
    const { state, there } = this.#prefix(seq)
    if (state.chain !== found.chain || state.accepted !== found.accepted) {
      throw new Error(`the state at ${seq} is not what the commands up to there make`)
    }
    if (by === 'reader') return
    for (const entry of this.#entries) {
      if (entry.status === 'unknown') entry.status = there.has(entry) ? 'acknowledged' : 'lost'
    }
  }

  /** The whole state. `through` is the last group that must be there; left out, the last that was acknowledged. */
  check(seq: number, found: KillState, through?: number): void {
    const { state } = this.#prefix(seq, through)
    if (found.timeWentBack > 0) throw new Error('the time of a batch went back')
    if (!isDeepStrictEqual(timeless(found), timeless(state))) {
      throw new Error(`the state at ${seq} is not what the commands up to there make`)
    }
  }

  /** The groups that end at a sequence, and the state that they make. */
  #prefix(wanted: number, through?: number): { state: KillState; there: Set<Entry> } {
    const state = killMachine.initial()
    const there = new Set<Entry>()
    const floor = this.#entries.findLastIndex(({ number, status }) =>
      through === undefined ? status === 'acknowledged' : number === through,
    )
    let seq = 0
    for (const [index, entry] of this.#entries.entries()) {
      if (entry.status === 'not written' || entry.status === 'lost') continue
      if (seq === wanted) {
        if (index <= floor)
          throw new Error(`LOST: group ${entry.number} must be there, and the store ends at ${seq}`)
        continue
      }
      there.add(entry)
      for (const [at, command] of entry.group.commands.entries()) {
        seq += 1
        const outcome = step(state, command, seq, 0)
        const told = entry.outcomes?.[at]
        if (told !== undefined && !isDeepStrictEqual(told, outcome)) {
          const [got, expected] = [told, outcome].map((each) => JSON.stringify(each))
          throw new Error(`command ${seq}, of group ${entry.number}, came to ${got}, not ${expected}`)
        }
      }
      if (seq > wanted)
        throw new Error(`half a group: ${wanted} came back, and group ${entry.number} ends at ${seq}`)
    }
    if (seq < wanted) throw new Error(`INVENTED: ${wanted} came back, and no more than ${seq} can be there`)
    return { state, there }
  }

  #entry(number: number): Entry {
    const entry = this.#entries.find((each) => each.number === number)
    if (entry === undefined) throw new Error(`group ${number} was never issued`)
    return entry
  }
}
