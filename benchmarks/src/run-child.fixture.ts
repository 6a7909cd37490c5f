// A run that goes as it is told.
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, Skipped } from './answer.ts'

const HANG_MS = 3_600_000

await answer(async ({ does }: { readonly does: string }) => {
  if (does === 'skip') throw new Skipped('not here')
  if (does === 'throw') throw new TypeError('as it was told')
  if (does === 'hang') await sleep(HANG_MS)
  return { one: 1 }
})
