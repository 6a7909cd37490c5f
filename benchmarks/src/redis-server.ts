import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { Skipped } from './answer.ts'

const PROGRAM = 'redis-server'
const SOCKET = 'redis.socket'
/** Between two looks whether it answers. */
const POLL_MS = 2
/** A log of millions of commands is read in less. */
const START_MAX_MS = 120_000

/** Without a time limit for each command: a timer for each would cost it several times what the command does. */
function newClient(path: string) {
  return createClient({
    socket: { path, reconnectStrategy: false },
    // Its types have no room for what switches the limit off.
    commandOptions: { timeout: undefined } as object,
  })
}

export type RedisClient = ReturnType<typeof newClient>

/** A server of its own, with its data in a directory. */
export interface RedisServer {
  readonly client: RedisClient
  /** Processor time up to now, of all its threads. */
  readonly cpuUsedUs: () => Promise<number>
  /** In MiB; `undefined` where the system does not say. */
  readonly peakMemoryMib: () => number | undefined
  readonly stop: () => Promise<void>
}

export function isRedisInstalled(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((path) => existsSync(join(path, PROGRAM)))
}

/**
 * Starts a server that appends each command to a log and syncs it before it answers: what its documentation on
 * persistence gives for that promise. With `sync: false` it leaves syncing to the kernel, to be filled quickly.
 * Resolves once everything that is there has been loaded. Throws `Skipped` where there is no such program.
 */
export async function startRedis(directory: string, { sync = true } = {}): Promise<RedisServer> {
  if (!isRedisInstalled()) throw new Skipped(`${PROGRAM} is not installed`)
  const settings = {
    port: '0',
    unixsocket: SOCKET,
    appendonly: 'yes',
    appendfsync: sync ? 'always' : 'no',
    save: '',
  }
  const server = spawn(
    PROGRAM,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    { cwd: directory, stdio: 'ignore' },
  )
  const exit = once(server, 'exit')
  // The path of a socket has to be short; that of the directory need not be.
  const client = await connected(server, relative(process.cwd(), join(directory, SOCKET)))
  return {
    client,
    cpuUsedUs: () => cpuUsedUs(client),
    peakMemoryMib: () => peakMemoryOf(server),
    async stop() {
      client.destroy()
      server.kill('SIGTERM')
      await exit
    },
  }
}

async function connected(server: ChildProcess, path: string): Promise<RedisClient> {
  const patience = performance.now() + START_MAX_MS
  for (;;) {
    const client = newClient(path)
    // What goes wrong rejects the call that it concerns.
    client.on('error', () => {})
    try {
      await client.connect()
      // It takes connections before it has loaded everything, and says so.
      await client.ping()
      return client
    } catch (cause) {
      if (client.isOpen) client.destroy()
      if (server.exitCode !== null || performance.now() > patience) {
        throw new Error(`${PROGRAM} does not answer`, { cause })
      }
    }
    await sleep(POLL_MS)
  }
}

async function cpuUsedUs(client: RedisClient): Promise<number> {
  const info = await client.info('cpu')
  const seconds = ['used_cpu_sys', 'used_cpu_user'].map((name) =>
    Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]),
  )
  return seconds.reduce((sum, each) => sum + each, 0) * 1e6
}

function peakMemoryOf({ pid }: ChildProcess): number | undefined {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kib === undefined ? undefined : Number(kib) / 1024
  } catch {
    return undefined
  }
}
