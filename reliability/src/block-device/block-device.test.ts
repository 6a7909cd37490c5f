import { describe, expect, it } from 'vitest'
import { FILE_SYSTEMS } from './file-systems.ts'
import { missingFor } from './requirements.ts'
import { failingRequests, powerCuts } from './rung.ts'

// Longer runs: `npm run reliability -- block-log --seed 7`, `npm run reliability -- failing-sync --seed 7`.
const TEST_MAX_MS = 120_000

const missing = await missingFor(FILE_SYSTEMS.ext4)
if (missing !== undefined) console.warn(`SKIPPED: power cuts and failing syncs on a real ext4: ${missing}`)

describe.skipIf(missing !== undefined)('a real file system on a disk that remembers', () => {
  it(
    'brings back what was durable before a power cut',
    async () => {
      const { figures, violations } = await powerCuts(
        FILE_SYSTEMS.ext4,
        { seed: 2026, batches: 12, survivals: 5, every: 17, seconds: 60, sector: 512, log: '' },
        () => {},
      )
      expect(violations).toEqual([])
      expect(figures).toMatchObject({ complete: 'true', unmountable: 0 })
      expect(figures['opened']).toBeGreaterThan(10)
    },
    TEST_MAX_MS,
  )

  it(
    'brings back what was durable after a flush or a write of the disk has failed',
    async () => {
      const { figures, violations } = await failingRequests(
        FILE_SYSTEMS.ext4,
        { seed: 2026, batches: 8, every: 40, seconds: 60 },
        () => {},
      )
      expect(violations).toEqual([])
      expect(figures).toMatchObject({ complete: 'true', unmountable: 0 })
      expect(figures['powerCuts']).toBeGreaterThan(5)
    },
    TEST_MAX_MS,
  )
})
