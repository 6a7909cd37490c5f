import { commit } from './commit/part.ts'
import type { Part } from './part.ts'
import { reads } from './reads/part.ts'
import { recovery } from './recovery/part.ts'
import { snapshots } from './snapshots/part.ts'
import { start } from './start/part.ts'

/** In the order in which they run. */
export const PARTS: readonly Part[] = [commit, recovery, snapshots, reads, start]
