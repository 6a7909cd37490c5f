import { expect, it } from 'vitest'
import { fileSystemsNamed } from './file-systems.ts'
import { missingFor } from './loop-disk.ts'
import { shutdownRounds } from './rounds.ts'

// A longer run: `npm run reliability -- shutdown --rounds 1000 --seed 1`.
const ROUNDS = 8
const SEED = 2026
const RUN_MAX_MS = 300_000

it.for(fileSystemsNamed('ext4'))(
  `brings back what was on disk after ${ROUNDS} shutdowns of $name (seed ${SEED})`,
  { timeout: RUN_MAX_MS },
  async (kind, { skip }) => {
    const missing = await missingFor(kind)
    if (missing !== undefined) {
      process.stderr.write(`SKIPPED shutdowns of ${kind.name}: ${missing}\n`)
      return skip(missing)
    }
    const { rounds, acknowledged } = await shutdownRounds({ kind, rounds: ROUNDS, seed: SEED })
    expect(rounds).toBe(ROUNDS)
    expect(acknowledged).toBeGreaterThan(ROUNDS)
  },
)
