import { defineRung } from '../rung.ts'
import { damageClosed, damageStopped, Tally } from './climb.ts'

export const damage = defineRung({
  name: 'damage',
  what: 'every bit and every length of a store, blocks of zeros, files lost and mixed up: intact, or refused with nothing changed',
  options: { seed: 1, commands: 10, every: 1, pairs: 20_000, moments: 8 },
  async run({ seed, commands, every, pairs, moments }, progress) {
    const tally = new Tally()
    await damageClosed({ seed, commandsEach: commands, every, pairs }, tally, progress)
    await damageStopped({ seed, moments, every }, tally, progress)
    return { figures: tally.figures, violations: tally.violations, skipped: [] }
  },
})
