import type { CallName, FaultRule, SeededRandom } from '@holdfast/testing/environment'

/** Which errors a call can meet on a real machine. A read or a stat never runs out of space. */
const ERRNOS: Partial<Record<CallName, readonly string[]>> = {
  open: ['EIO', 'ENOSPC', 'EMFILE', 'EACCES'],
  list: ['EIO', 'EMFILE'],
  stat: ['EIO'],
  makeDirectory: ['EIO', 'ENOSPC'],
  rename: ['EIO', 'ENOSPC'],
  unlink: ['EIO'],
  syncDirectory: ['EIO', 'ENOSPC'],
  read: ['EIO'],
  write: ['EIO', 'ENOSPC', 'EDQUOT'],
  writeThrough: ['EIO', 'ENOSPC', 'EDQUOT'],
  sync: ['EIO', 'ENOSPC'],
  truncate: ['EIO', 'ENOSPC'],
  size: ['EIO'],
  close: ['EIO'],
}
const CALLS = Object.keys(ERRNOS) as CallName[]
/** Drawn more often: it is what the store lives by. */
const COMMON_CALLS: readonly CallName[] = ['sync', 'writeThrough', 'write', 'open']
const PATHS: readonly (RegExp | undefined)[] = [
  /\/wal\//,
  /\/wal\//,
  /\/snapshots\//,
  /\/MANIFEST/,
  undefined,
]
const TIMES: readonly number[] = [1, 1, 4, Number.POSITIVE_INFINITY]

export function drawFault(random: SeededRandom): FaultRule {
  const on = pick(random, random.below(2) === 0 ? COMMON_CALLS : CALLS)
  const path = pick(random, PATHS)
  const short = (on === 'write' || on === 'writeThrough') && random.below(4) === 0
  const fault = short ? { shortBytes: random.below(600) } : { errno: pick(random, ERRNOS[on] ?? ['EIO']) }
  return {
    on,
    ...(path === undefined ? {} : { path }),
    nth: 1 + random.below(6),
    times: pick(random, TIMES),
    fault,
  }
}

function pick<T>(random: SeededRandom, values: readonly T[]): T {
  return values[random.below(values.length)] as T
}
