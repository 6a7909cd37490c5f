// Makes a small store and closes it in good order, or opens a copy of it.
import { cpSync } from 'node:fs'
import { answer } from '../answer.ts'
import { callers } from '../callers.ts'
import { commandsOf } from '../commit/command.ts'
import { COMMIT_CONTENDERS } from '../commit/contenders.ts'

export interface OpenInput {
  readonly contender: string
  readonly task: 'prepare' | 'open'
}

const CELL = { inFlight: 1, bytes: 100 }
/** What is behind it when it is opened: little. */
const COMMANDS = 100

await answer(async ({ contender, task }: OpenInput, { directory, prepared = '' }) => {
  const entry = COMMIT_CONTENDERS.find(({ name }) => name === contender)
  if (entry === undefined) throw new Error(`there is no contender '${contender}'`)
  const { open } = await entry.load()
  const place = { ...CELL, directory, commands: commandsOf(CELL.bytes) }
  if (task === 'prepare') {
    const made = await open(place)
    await callers(made, { ...CELL, ms: Infinity, most: COMMANDS, first: 0 })
    await made.close()
    return {}
  }
  cpSync(prepared, directory, { recursive: true })
  const started = performance.now()
  const opened = await open(place)
  const openMs = performance.now() - started
  await opened.close()
  return { openMs }
})
