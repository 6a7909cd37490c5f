// Holdfast with its defaults, a command each.
import { type Durability, isHoldfastError, open as openStore, type Store } from 'holdfast'
import { commitMachine } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'

export async function open(place: CommitPlace, durability: Durability = 'disk'): Promise<CommitContender> {
  const { make, name } = place.commands
  const store = await openStore(place.directory, commitMachine, { durability })
  return {
    commit: (index) => store.execute(name, make(index) as never),
    relieve: (error) => roomIn(store, error),
    close: () => store.close(),
  }
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const store = await openStore(directory, commitMachine)
  const { appliedSeq } = store
  await store.close()
  return appliedSeq
}

/** What a store says to a caller that finds it full. */
export async function roomIn(store: Pick<Store, 'ready'>, error: unknown): Promise<void> {
  if (!isHoldfastError(error, 'OVERLOADED')) throw error
  await store.ready()
}
