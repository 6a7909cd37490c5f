// As its README says where durability is asked for: a promise of its own tells when a write is flushed.
import { open as openDatabase, type RootDatabase } from 'lmdb'
import type { CommitArgument } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'

export function open({ directory, commands }: CommitPlace): Promise<CommitContender> {
  const database = openIn(directory)
  return Promise.resolve({
    // With `separateFlushed` the promise that `put` returns has this second one.
    commit: (index) => (database.put(index, commands.make(index)) as Flushed).flushed,
    close: () => database.close(),
  })
}

/** Its types leave that out. */
type Flushed = Promise<boolean> & { readonly flushed: Promise<unknown> }

export async function count({ directory }: CommitPlace): Promise<number> {
  const database = openIn(directory)
  const keys = database.getKeysCount()
  await database.close()
  return keys
}

function openIn(path: string): RootDatabase<CommitArgument, number> {
  return openDatabase({ path, separateFlushed: true })
}
