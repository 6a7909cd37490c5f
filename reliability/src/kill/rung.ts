import { temporaryDirectory } from '@holdfast/testing/environment'
import { defineRung } from '../rung.ts'
import { killRounds } from './rounds.ts'

export const kill = defineRung({
  name: 'kill',
  what: 'a process killed with SIGKILL at random moments: every acknowledged command must be there again',
  options: { seed: 1, rounds: 100 },
  async run({ seed, rounds }, progress) {
    const { path, remove } = await temporaryDirectory()
    const figures = await killRounds({
      directory: `${path}/store`,
      rounds,
      seed,
      onRound: ({ kills, acknowledged }) =>
        progress(`${kills} kills, ${acknowledged} acknowledged, none lost`),
    })
    await remove()
    return { figures: { ...figures }, violations: [], skipped: [] }
  },
})
