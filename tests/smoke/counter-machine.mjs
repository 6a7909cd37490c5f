// A machine as a module: worker.test.mjs and the threads of its store import it.
import { isMainThread } from 'node:worker_threads'
import { defineMachine, Refusal } from 'holdfast'

export default defineMachine({
  version: 1,
  initial: () => ({ counts: new Map() }),
  commands: {
    /** @param {string} name */
    count({ counts }, name) {
      if (name === '') throw new Refusal('NO_NAME')
      counts.set(name, (counts.get(name) ?? 0) + 1)
      return counts.get(name)
    },
    /** Ends the thread that folds it. */
    leave() {
      if (!isMainThread) process.exit(1)
    },
  },
})
