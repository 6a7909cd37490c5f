import { defineRung } from '../rung.ts'
import { damageClosed, damageStopped, Tally } from './climb.ts'
import { kindsDrawn, missingKinds, PLAIN, SPECIAL } from './store-kinds.ts'

export const damage = defineRung({
  name: 'damage',
  what: 'every bit and every length of a store, blocks of zeros, files lost and mixed up: intact, or refused with nothing changed',
  /** Of the special stores, `drawn` takes one that the seed draws, and `all` all of them. */
  options: { seed: 1, commands: 10, every: 1, pairs: 20_000, moments: 8, stores: 'drawn' },
  async run({ seed, commands, every, pairs, moments, stores }, progress) {
    const tally = new Tally()
    const kinds = stores === 'all' ? [...PLAIN, ...SPECIAL] : kindsDrawn(seed)
    await damageClosed({ seed, commandsEach: commands, every, pairs, kinds }, tally, progress)
    await damageStopped({ seed, moments, every }, tally, progress)
    return { figures: tally.figures, violations: tally.violations, skipped: missingKinds() }
  },
})
