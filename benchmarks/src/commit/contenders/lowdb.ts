// It writes the whole file anew with each command, and does not sync it. Its preset keeps everything in memory
// where NODE_ENV is `test`, so the adapter behind it is named.
import { join } from 'node:path'
import { Low } from 'lowdb'
import { JSONFile } from 'lowdb/node'
import type { CommitArgument } from '../command.ts'
import type { CommitContender, CommitPlace } from '../contender.ts'

export async function open({ directory, commands }: CommitPlace): Promise<CommitContender> {
  const database = await openIn(directory)
  return {
    commit: (index) => database.update((all) => all.push(commands.make(index))),
    close: () => Promise.resolve(),
  }
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const database = await openIn(directory)
  return database.data.length
}

async function openIn(directory: string): Promise<Low<CommitArgument[]>> {
  const database = new Low(new JSONFile<CommitArgument[]>(join(directory, 'commands.json')), [])
  await database.read()
  return database
}
