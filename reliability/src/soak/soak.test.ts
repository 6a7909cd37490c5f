import { temporaryDirectory } from '@holdfast/testing/environment'
import { expect, it } from 'vitest'
import { missingForSoak, soak } from './run.ts'

// An hour, with trends: `npm run reliability -- soak --seconds 3600 --seed 1`.
const SECONDS = 8
const CLOSES = 4
const RUN_MAX_MS = 180_000

it.skipIf(missingForSoak() !== undefined)(
  'works through kills, failures and readers, loses nothing, and leaves nothing open',
  async () => {
    const { path, remove } = await temporaryDirectory()
    const { figures, violations } = await soak({ directory: path, seconds: SECONDS, closes: CLOSES, seed: 1 })
    expect(violations).toEqual([])
    expect(figures['kills']).toBeGreaterThan(0)
    expect(figures['faults met']).toBeGreaterThan(0)
    expect(figures['opened read-only']).toBeGreaterThan(0)
    expect(figures['changes followed']).toBeGreaterThan(0)
    expect(figures['acknowledged (steady)']).toBeGreaterThan(0)
    expect(figures['snapshots (small)']).toBeGreaterThan(0)
    // Not behind a failure, whose directory is what there is to look at.
    await remove()
  },
  RUN_MAX_MS,
)
