// Holdfast, as many commands at once as are in flight: one frame, one after the other.
import { open as openStore } from 'holdfast'
import { commitMachine } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'
import { count, roomIn } from './holdfast.ts'

export { count }

export function open(place: CommitPlace): Promise<CommitContender> {
  return openForGroups(place, place.inFlight)
}

/** So many commands at once. */
export async function openForGroups(
  { directory, commands }: CommitPlace,
  size: number,
): Promise<CommitContender> {
  const { make, name } = commands
  const store = await openStore(directory, commitMachine)
  return {
    batch: size,
    commit: (index) =>
      store.executeAll(Array.from({ length: size }, (_, i) => [name, make(index * size + i)] as never)),
    relieve: (error) => roomIn(store, error),
    close: () => store.close(),
  }
}
