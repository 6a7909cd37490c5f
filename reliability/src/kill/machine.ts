// The machine of the process that is killed: a module of its own, so that threads can import it.
import { defineMachine, Refusal } from 'holdfast'

/** Small, so that it can be compared whole after every kill, and so that every command depends on earlier ones. */
export interface KillState {
  readonly entries: Map<string, Entry>
  /** Runs through every accepted command with its sequence: a lost, doubled, moved or changed one changes it for good. */
  chain: number
  accepted: number
  /** The latest time of a batch. The only part that does not follow from the seed. */
  time: number
  timeWentBack: number
}

interface Entry {
  readonly value: unknown
  readonly seq: number
}

export interface Put {
  readonly key: string
  readonly value: unknown
}

const killMachine = defineMachine({
  version: 1,
  initial: (): KillState => ({ entries: new Map(), chain: 0, accepted: 0, time: 0, timeWentBack: 0 }),
  /** There are few entries, and each is replaced, never changed. */
  capture: (state: KillState): KillState => ({ ...state, entries: new Map(state.entries) }),
  commands: {
    put(state, { key, value }: Put, { seq, time }) {
      state.entries.set(key, { value, seq })
      return accept(state, seq, time, weigh(value))
    },
    /** Keeps of the bytes only what they come to: the log is to be large, not the state. */
    weigh(state, { key, bytes }: { key: string; bytes: Uint8Array }, { seq, time }) {
      state.entries.set(key, { value: weigh(bytes), seq })
      return accept(state, seq, time, weigh(bytes))
    },
    remove(state, key: string, { seq, time }) {
      const entry = state.entries.get(key)
      if (entry === undefined) throw new Refusal('NO_SUCH_KEY', { key })
      state.entries.delete(key)
      return accept(state, seq, time, entry.seq)
    },
    /** A bug of the application: refused like any other, now and at each replay. */
    stumble(_state, why: string) {
      throw new TypeError(why)
    },
  },
})

function accept(state: KillState, seq: number, time: number, weight: number): number {
  state.chain = Math.imul(state.chain ^ seq, 0x01000193) ^ weight
  state.accepted += 1
  if (time < state.time) state.timeWentBack += 1
  state.time = time
  return state.chain
}

function weigh(value: unknown): number {
  if (value instanceof Uint8Array) {
    let sum = value.length
    for (let i = 0; i < value.length; i += 1 + (value.length >> 10))
      sum = Math.imul(sum, 31) + (value[i] ?? 0)
    return sum
  }
  return weigh(Buffer.from(JSON.stringify(value)))
}

export default killMachine
