// It appends to a file and does not sync it.
import { join } from 'node:path'
import type { CommitContender, CommitPlace } from '../contender.ts'
import { Nedb } from '../../nedb.ts'

export async function open({ directory, commands }: CommitPlace): Promise<CommitContender> {
  const database = await openIn(directory)
  return {
    commit: (index) => database.insertAsync({ _id: String(index), ...commands.make(index) }),
    close: () => Promise.resolve(),
  }
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const database = await openIn(directory)
  return database.countAsync({})
}

async function openIn(directory: string): Promise<Nedb> {
  const database = new Nedb({ filename: join(directory, 'commands.db') })
  await database.loadDatabaseAsync()
  return database
}
