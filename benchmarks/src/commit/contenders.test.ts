import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import { callers } from '../callers.ts'
import { isRedisInstalled } from '../redis-server.ts'
import { commandsOf } from './command.ts'
import { COMMIT_CONTENDERS } from './contenders.ts'

const COMMITS = 5
const CELL = { inFlight: 4, bytes: 1024 }

it.each(COMMIT_CONTENDERS.filter(({ kind }) => kind !== 'limit'))(
  '$name has stored what it acknowledged',
  async ({ name, load }) => {
    if (name === 'Redis' && !isRedisInstalled()) {
      console.warn('SKIPPED: redis-server is not installed')
      return
    }
    const { path, remove } = await temporaryDirectory()
    onTestFinished(remove)
    const place = { ...CELL, directory: path, commands: commandsOf(CELL.bytes) }
    const { open, count } = await load()
    const contender = await open(place)
    const { acknowledged } = await callers(contender, { ...CELL, ms: Infinity, most: COMMITS, first: 0 })
    await contender.close()
    expect(acknowledged).toBe(COMMITS)
    expect(await count?.(place)).toBe(COMMITS * (contender.batch ?? 1))
  },
)

it.each([100, 1024, 16 * 1024, 1024 * 1024])(
  'a command of %i bytes is about as large as that, and no two are the same',
  (bytes) => {
    const commands = commandsOf(bytes)
    expect(commands.bytes / bytes).toBeGreaterThan(0.9)
    expect(commands.bytes / bytes).toBeLessThan(1.1)
    expect(commands.make(1)).not.toEqual(commands.make(2))
  },
)
