// The machine of the store whose files are measured: a module of its own, so that threads can import it.
import { defineMachine } from 'holdfast'

export interface FillState {
  /** Values are replaced, and never changed. */
  readonly values: Map<number, Uint8Array>
}

export interface Put {
  readonly key: number
  readonly value: Uint8Array
}

export default defineMachine({
  version: 1,
  initial: (): FillState => ({ values: new Map() }),
  commands: {
    put: ({ values }, { key, value }: Put) => void values.set(key, value),
  },
  capture: ({ values }) => ({ values: new Map(values) }),
})
