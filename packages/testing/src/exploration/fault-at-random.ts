import type { CallName, FaultRule } from '../faults.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { STORE } from './subject.ts'

/** Of so many recoveries, one meets a fault, where the workload does. */
const FAULT_EVERY = 5

/** A call that fails while opening: often one that reads, which must never be taken for the end of the log. */
export function faultAtRandom(random: SeededRandom): FaultRule | undefined {
  if (random.below(FAULT_EVERY) > 0) return undefined
  const on = (
    [
      'read',
      'read',
      'size',
      'list',
      'stat',
      'open',
      'close',
      'sync',
      'writeThrough',
      'write',
      'rename',
    ] as const
  )[random.below(11)] as CallName
  return {
    on,
    nth: 1 + random.below(on === 'read' || on === 'open' ? 12 : 4),
    path: new RegExp(STORE),
    fault: { errno: random.below(4) === 0 ? 'ENOSPC' : 'EIO' },
  }
}
