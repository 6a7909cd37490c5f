// LevelDB. `sync` is what its README gives for a write that is on the disk when it is acknowledged.
import { ClassicLevel } from 'classic-level'
import type { CommitArgument } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'

export async function open({ directory, commands }: CommitPlace): Promise<CommitContender> {
  const database = await openIn(directory)
  return {
    // Keys are sorted as text.
    commit: (index) => database.put(String(index).padStart(10, '0'), commands.make(index), { sync: true }),
    close: () => database.close(),
  }
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const database = await openIn(directory)
  const keys = await database.keys().all()
  await database.close()
  return keys.length
}

async function openIn(location: string): Promise<ClassicLevel<string, CommitArgument>> {
  const database = new ClassicLevel<string, CommitArgument>(location, { valueEncoding: 'json' })
  await database.open()
  return database
}
