import { defineMachine, type Machine } from 'holdfast'

interface Counted {
  count: number
}

type NoteTypes = { note: { argument: { readonly text: string; readonly number: number }; result: number } }

/** A command is answered with its sequence, so that whoever reads the log can be held against whoever wrote it. */
export const noteMachine: Machine<Counted, NoteTypes> = defineMachine({
  version: 1,
  initial: (): Counted => ({ count: 0 }),
  commands: {
    note(state, _note: { readonly text: string; readonly number: number }, { seq }) {
      state.count += 1
      return seq
    },
  },
})
