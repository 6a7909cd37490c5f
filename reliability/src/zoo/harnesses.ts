import { explore, type Subject } from '@holdfast/testing/exploration'
import { damageClosed, damageStopped, Tally } from '../damage/climb.ts'
import { TARGETS_MODULE } from '../fuzz/rung.ts'
import { fuzz } from '../fuzz/run.ts'
import { engineSubject } from '../simulation/engine-subject.ts'
import { logSubject } from '../simulation/log-subject.ts'
import type { SeededHarness } from './bug.ts'

/** What one seed came to. */
export interface Trial {
  readonly states: number
  /** The first one. */
  readonly violation?: string
}

/** Each runs one small trial, which the seed decides all of. */
export const HARNESSES: Readonly<Record<SeededHarness, (seed: number) => Promise<Trial>>> = {
  'simulated log': (seed) => simulated(logSubject, seed, false),
  'simulated engine': (seed) => simulated(engineSubject, seed, false),
  'failing log': (seed) => simulated(logSubject, seed, true),
  'failing engine': (seed) => simulated(engineSubject, seed, true),
  'damage after a close': (seed) =>
    damaged((tally, progress) =>
      damageClosed({ seed, commandsEach: 3, every: 61, pairs: 100 }, tally, progress),
    ),
  'damage after a crash': (seed) =>
    damaged((tally, progress) => damageStopped({ seed, moments: 2, every: 211 }, tally, progress)),
  'fuzzed frames': (seed) => fuzzed('frames', seed),
  'fuzzed codec': (seed) => fuzzed('codec', seed),
  'fuzzed log': (seed) => fuzzed('log', seed),
  'fuzzed manifest': (seed) => fuzzed('manifest', seed),
  'fuzzed snapshot': (seed) => fuzzed('snapshot', seed),
  'fuzzed store': (seed) => fuzzed('store', seed),
}

/** Few: what a bug does mostly shows at depth one, and the first one that gets there goes on to the third. */
const NESTED_EVERY = 400
/** More where a recovery may meet a failing disk itself: what came of that shows when it is cut off. */
const NESTED_EVERY_FAULTY = 40

/** One workload, on a disk that fails now and then or on a sound one, and every moment at which it may be cut off. */
async function simulated(subject: Subject, seed: number, faults: boolean): Promise<Trial> {
  const explored = await explore(subject, {
    seed,
    workloads: 1,
    survivals: 1,
    faults,
    nestedEvery: faults ? NESTED_EVERY_FAULTY : NESTED_EVERY,
    maxFailures: 1,
  })
  const states = explored.recoveries + explored.known + explored.damaged
  const [failure] = explored.failures
  return failure === undefined
    ? { states }
    : { states, violation: `${failure.replay}: ${failure.error.message}` }
}

/** Each so many-th bit and length of a store, and what else may happen to its files. */
async function damaged(climb: (tally: Tally, progress: () => void) => Promise<void>): Promise<Trial> {
  const tally = new Tally()
  let states = 0
  await climb(tally, () => {
    states += 1
  })
  const [violation] = tally.violations
  return violation === undefined ? { states } : { states, violation }
}

/** So many hostile inputs. */
const INPUTS = 3000

async function fuzzed(target: string, seed: number): Promise<Trial> {
  const legs = [{ target, first: 0, count: INPUTS }]
  const { counts, violations } = await fuzz({ seed, legs, targets: TARGETS_MODULE })
  const states = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const [violation] = violations
  return violation === undefined ? { states } : { states, violation }
}
