import { defineRung } from '../rung.ts'
import { fileSystemsNamed } from './file-systems.ts'
import { missingFor } from './loop-disk.ts'
import { shutdownRounds } from './rounds.ts'

export const shutdown = defineRung({
  name: 'shutdown',
  what: 'a real ext4 or XFS that is stopped without warning, by its shutdown ioctl: all that was on disk must be there again',
  options: { seed: 1, rounds: 20, fs: 'all' },
  async run({ seed, rounds, fs }, progress) {
    const figures: Record<string, number> = {}
    const violations: string[] = []
    const skipped: string[] = []
    for (const kind of fileSystemsNamed(fs)) {
      const missing = await missingFor(kind)
      if (missing !== undefined) {
        skipped.push(`${kind.name}: ${missing}`)
        continue
      }
      try {
        const result = await shutdownRounds({
          kind,
          rounds,
          seed,
          onRound: (round, acknowledged) =>
            progress(`${kind.name}: ${round} rounds, ${acknowledged} acknowledged, none lost`),
        })
        figures[`${kind.name}: rounds`] = result.rounds
        figures[`${kind.name}: acknowledged`] = result.acknowledged
        for (const [name, count] of Object.entries(result.counts)) figures[`${kind.name}: ${name}`] = count
      } catch (error) {
        violations.push(String((error as Error).message))
      }
    }
    return { figures, violations, skipped }
  },
})
