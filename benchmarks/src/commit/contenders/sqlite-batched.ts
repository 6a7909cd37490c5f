// SQLite, batched by hand: as many commands in one transaction as are in flight.
import type { CommitContender, CommitPlace } from '../contender.ts'
import { count, openIn } from './sqlite.ts'

export { count }

export function open({ directory, commands, inFlight }: CommitPlace): Promise<CommitContender> {
  const { database, insert } = openIn(directory)
  return Promise.resolve({
    batch: inFlight,
    async commit(index) {
      database.exec('BEGIN')
      for (let i = index * inFlight; i < (index + 1) * inFlight; i += 1) {
        insert.run(i, JSON.stringify(commands.make(i)))
      }
      database.exec('COMMIT')
    },
    async close() {
      database.close()
    },
  })
}
