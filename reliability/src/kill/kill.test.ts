import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { killRounds } from './rounds.ts'

// A longer run: `npm run reliability -- kill --rounds 1000 --seed 7`.
const rounds = Number(process.env['HOLDFAST_KILL_ROUNDS'] ?? 40)
const seed = Number(process.env['HOLDFAST_KILL_SEED'] ?? 2030)
const ROUND_MAX_MS = 60_000

it(
  `brings back what was acknowledged after ${rounds} kills (seed ${seed})`,
  async () => {
    const { path, remove } = await temporaryDirectory()
    const figures = await killRounds({ directory: `${path}/store`, rounds, seed })
    expect(figures.kills).toBe(rounds)
    expect(figures.acknowledged).toBeGreaterThan(rounds)
    // What it did not meet it has shown nothing of. How many threads come through hangs on how fast they are.
    const { blocking, captured, worker, compressed, compared, threadsKilled, pinsDropped } = figures
    const threads = worker + threadsKilled
    const met = { blocking, captured, threads, compressed, compared, pinsDropped }
    expect(Object.entries(met).filter(([, times]) => times === 0)).toEqual([])
    // Not behind a failure, whose directory is what there is to look at.
    await remove()
  },
  rounds * ROUND_MAX_MS,
)
