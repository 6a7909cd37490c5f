// One contender in one cell.
import { answer } from '../answer.ts'
import type { CommitCell } from './cell.ts'
import { commandsOf } from './command.ts'
import { COMMIT_CONTENDERS } from './contenders.ts'
import { measure } from './measure.ts'

export interface CommitInput {
  readonly contender: string
  readonly cell: CommitCell
  readonly ms: number
}

await answer(async ({ contender, cell, ms }: CommitInput, { directory }) => {
  const entry = COMMIT_CONTENDERS.find(({ name }) => name === contender)
  if (entry === undefined) throw new Error(`there is no contender '${contender}'`)
  const { open } = await entry.load()
  const place = { ...cell, directory, commands: commandsOf(cell.bytes) }
  const opened = await open(place)
  const figures = await measure(opened, place, ms)
  await opened.close()
  return figures
})
