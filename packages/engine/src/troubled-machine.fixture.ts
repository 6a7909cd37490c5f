import { isMainThread } from 'node:worker_threads'
import { defineMachine } from './machine.ts'

/** What goes wrong in a thread, and nowhere else. */
const troubles = {
  leaves: () => process.exit(3),
  throws: () => {
    throw new RangeError('only in the thread')
  },
  hangs: () => {
    for (;;);
  },
  fills(state: { readonly values: unknown[] }) {
    for (;;) state.values.push(Array.from({ length: 100_000 }, (_, i) => ({ i })))
  },
} as const

export type Trouble = keyof typeof troubles

/** Comes to grief where it is folded. */
export default defineMachine({
  version: 1,
  initial: () => ({ values: [] as unknown[] }),
  commands: {
    add(state, value: unknown) {
      state.values.push(value)
    },
    trouble(state, which: Trouble) {
      if (!isMainThread) troubles[which](state)
    },
  },
})
