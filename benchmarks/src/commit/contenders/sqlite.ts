// SQLite as Node.js brings it: a write-ahead log, and `synchronous = FULL`, under which a commit is synced.
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { CommitContender, CommitPlace } from '../contender.ts'

/** A transaction each. It blocks: more callers change nothing but how long each of them waits. */
export function open({ directory, commands }: CommitPlace): Promise<CommitContender> {
  const { database, insert } = openIn(directory)
  return Promise.resolve({
    async commit(index) {
      insert.run(index, JSON.stringify(commands.make(index)))
    },
    async close() {
      database.close()
    },
  })
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const { database } = openIn(directory)
  const { rows } = database.prepare('SELECT count(*) AS rows FROM command').get() as { rows: number }
  database.close()
  return rows
}

export function openIn(directory: string): { database: DatabaseSync; insert: StatementSync } {
  const database = new DatabaseSync(join(directory, 'commands.db'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE IF NOT EXISTS command (id INTEGER PRIMARY KEY, argument TEXT NOT NULL)')
  return { database, insert: database.prepare('INSERT INTO command VALUES (?, ?)') }
}
