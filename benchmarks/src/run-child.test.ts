import { join } from 'node:path'
import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it, onTestFinished } from 'vitest'
import type { Outcome } from './part.ts'
import { runChild } from './run-child.ts'

const program = join(import.meta.dirname, 'run-child.fixture.ts')

async function outcomeOf(does: string, startMs?: number): Promise<Outcome> {
  const { path, remove } = await temporaryDirectory()
  onTestFinished(remove)
  const run = { name: does, program, input: { does }, seconds: 0 }
  const conditions = { compiled: join(path, 'compiled'), ...(startMs === undefined ? {} : { startMs }) }
  return runChild(run, { directory: path }, conditions)
}

it('hears what a run came to', async () => {
  expect(await outcomeOf('answer')).toEqual({ figures: { one: 1 } })
  expect(await outcomeOf('skip')).toEqual({ skipped: 'not here' })
})

it('says what went wrong, and does not wait for ever', async () => {
  expect(await outcomeOf('throw')).toEqual({ failed: 'exit 1: TypeError: as it was told' })
  expect(await outcomeOf('hang', 1000)).toEqual({ failed: 'not done after 1 s' })
})
