// The commands made and applied, and nothing kept: what any durability comes on top of.
import type { CommitContender, CommitPlace } from '../contender.ts'
import { commitMachine } from '../command.ts'

/** Between two looks at the clock, and two turns. */
const AT_ONCE = 1024

export function open({ commands }: CommitPlace): Promise<CommitContender> {
  const { make, name } = commands
  const state = commitMachine.initial()
  return Promise.resolve({
    batch: AT_ONCE,
    async commit(index) {
      for (let i = index * AT_ONCE; i < (index + 1) * AT_ONCE; i += 1) {
        commitMachine.apply(state, [name, make(i)] as never, { seq: i + 1, time: 0 })
      }
    },
    async close() {},
  })
}
