import { temporaryDirectory } from '@holdfast/testing/environment'
import { defineRung } from '../rung.ts'
import { missingForSoak, soak as run } from './run.ts'

export const soak = defineRung({
  name: 'soak',
  what: 'mixed load with kills, failures and readers: nothing lost, descriptors, memory and disk use stay level, and no store takes more disk than it may',
  options: { seed: 1, seconds: 60 },
  async run({ seed, seconds }, progress) {
    const missing = missingForSoak()
    if (missing !== undefined) return { figures: {}, violations: [], skipped: [missing] }
    const { path, remove } = await temporaryDirectory()
    const result = await run({ directory: path, seconds, seed, progress })
    // Not behind a violation: the directory is what there is to look at.
    if (result.violations.length === 0) await remove()
    return result
  },
})
