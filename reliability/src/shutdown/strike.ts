import type { SeededRandom } from '@holdfast/testing/environment'
import { type Moment, MOMENTS } from './child.ts'
import type { ShutdownFlag } from './loop-disk.ts'

/** When a file system is stopped, in the life of a store, and how. */
export interface Strike {
  readonly when: 'acknowledged' | 'opening' | 'closing' | Moment
  readonly afterCommands: number
  readonly afterMs: number
  readonly flag: ShutdownFlag
  /** The process dies with it. Otherwise it goes on with the next, which is quicker, and shows that it holds nothing. */
  readonly kill: boolean
  /** Clean closes before. */
  readonly cleanCloses: number
}

const COMMANDS_MAX = 160
const DELAY_MAX_MS = 12
/** What one write and its sync take, about. */
const MOMENT_MAX_US = 3000
const KILL_ONE_IN = 12
const CLEAN_CLOSE_ONE_IN = 4

export function drawStrike(random: SeededRandom): Strike {
  const moments = Object.keys(MOMENTS) as Moment[]
  const moment = moments[random.below(moments.length)] as Moment
  const kind = random.below(100)
  const when = kind < 30 ? 'acknowledged' : kind < 45 ? 'opening' : kind < 60 ? 'closing' : moment
  const flag = random.below(100)
  return {
    when,
    afterCommands: 1 + random.below(COMMANDS_MAX),
    afterMs: when === moment ? random.below(MOMENT_MAX_US) / 1000 : random.below(DELAY_MAX_MS),
    flag: flag < 80 ? 2 : flag < 90 ? 1 : 0,
    kill: random.below(KILL_ONE_IN) === 0,
    cleanCloses: random.below(CLEAN_CLOSE_ONE_IN) === 0 ? 1 : 0,
  }
}
