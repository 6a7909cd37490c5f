// Holdfast, as many commands at once as are in flight: one frame, one after the other.
import { open as openStore } from 'holdfast'
import { commitMachine } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'
import { count, roomIn } from './holdfast.ts'

export { count }

export async function open({ directory, commands, inFlight }: CommitPlace): Promise<CommitContender> {
  const { make, name } = commands
  const store = await openStore(directory, commitMachine)
  return {
    batch: inFlight,
    commit: (index) =>
      store.executeAll(
        Array.from({ length: inFlight }, (_, i) => [name, make(index * inFlight + i)] as never),
      ),
    relieve: (error) => roomIn(store, error),
    close: () => store.close(),
  }
}
