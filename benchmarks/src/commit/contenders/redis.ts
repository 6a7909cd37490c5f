// A server of its own on this machine, over a local socket, that syncs before it answers.
import type { CommitContender, CommitPlace } from '../contender.ts'
import { startRedis } from '../../redis-server.ts'

export async function open({ directory, commands }: CommitPlace): Promise<CommitContender> {
  const server = await startRedis(directory)
  const { client } = server
  return {
    // What is sent in one turn of the event loop goes out together: the client does that by itself.
    commit: (index) => client.set(`command:${index}`, JSON.stringify(commands.make(index))),
    cpuUsedElsewhereUs: () => server.cpuUsedUs(),
    close: () => server.stop(),
  }
}

export async function count({ directory }: CommitPlace): Promise<number> {
  const server = await startRedis(directory)
  const keys = await server.client.dbSize()
  await server.stop()
  return keys
}
