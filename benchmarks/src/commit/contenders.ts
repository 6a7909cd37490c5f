import { BATCH_MAX_BYTES, type CommitCell } from './cell.ts'
import type { CommitModule } from './contender.ts'

/**
 * What an acknowledgement means.
 * - `synced`: the bytes are on the disk.
 * - `not synced`: they are with the operating system, and a power loss takes what it has not written yet.
 * - `nothing`: it is no storage.
 */
export type Promised = 'synced' | 'not synced' | 'nothing'

export interface CommitEntry {
  readonly name: string
  /** A `limit` is what the machine gives, and is no storage. */
  readonly kind: 'ours' | 'peer' | 'limit'
  readonly promised: Promised
  /** How it is used, for whoever reads the tables. */
  readonly use: string
  /** Whether a cell makes sense for it. */
  readonly fits: (cell: CommitCell) => boolean
  readonly load: () => Promise<CommitModule>
}

const KIB = 1024
const SMALLEST = 100

/** In the order of the tables. Names are those of the tables, too. */
export const COMMIT_CONTENDERS: readonly CommitEntry[] = [
  {
    name: 'holdfast',
    kind: 'ours',
    promised: 'synced',
    use: '`execute`',
    fits: () => true,
    load: () => import('./contenders/holdfast.ts'),
  },
  {
    name: 'holdfast executeAll',
    kind: 'ours',
    promised: 'synced',
    use: '`executeAll`, as many at once as are in flight',
    fits: isBatch,
    load: () => import('./contenders/holdfast-execute-all.ts'),
  },
  {
    name: 'holdfast in fours',
    kind: 'ours',
    promised: 'synced',
    use: '`executeAll` of four, by a quarter as many callers as are in flight',
    fits: ({ inFlight, bytes }) => inFlight === 256 && bytes <= SMALLEST,
    load: () => import('./contenders/holdfast-in-fours.ts'),
  },
  {
    name: '@holdfast/wal',
    kind: 'ours',
    promised: 'synced',
    use: '`append` of bytes to the log alone',
    fits: () => true,
    load: () => import('./contenders/wal.ts'),
  },
  {
    name: 'lmdb',
    kind: 'peer',
    promised: 'synced',
    use: '`put`, then its `flushed`',
    fits: () => true,
    load: () => import('./contenders/lmdb.ts'),
  },
  {
    name: 'classic-level',
    kind: 'peer',
    promised: 'synced',
    use: '`put` with `sync: true`',
    fits: isWorthMore,
    load: () => import('./contenders/classic-level.ts'),
  },
  {
    name: 'node:sqlite',
    kind: 'peer',
    promised: 'synced',
    use: 'WAL, `synchronous = FULL`, a transaction each',
    // It blocks: with still more callers it is the same line again.
    fits: ({ inFlight }) => inFlight <= 16,
    load: () => import('./contenders/sqlite.ts'),
  },
  {
    name: 'node:sqlite batched',
    kind: 'peer',
    promised: 'synced',
    use: 'the same, as many in one transaction by hand as are in flight',
    fits: isBatch,
    load: () => import('./contenders/sqlite-batched.ts'),
  },
  {
    name: 'Redis',
    kind: 'peer',
    promised: 'synced',
    use: '`SET`, `appendfsync always`, a local socket',
    fits: () => true,
    load: () => import('./contenders/redis.ts'),
  },
  {
    name: 'holdfast os',
    kind: 'ours',
    promised: 'not synced',
    use: '`execute` at level `os`: synced within 100 ms',
    fits: () => true,
    load: () => import('./contenders/holdfast-os.ts'),
  },
  {
    name: 'nedb',
    kind: 'peer',
    promised: 'not synced',
    use: '`insertAsync`',
    fits: (cell) => cell.bytes <= 16 * KIB && isWorthMore(cell),
    load: () => import('./contenders/nedb.ts'),
  },
  {
    name: 'lowdb',
    kind: 'peer',
    promised: 'not synced',
    use: '`update`, which writes the whole file anew',
    fits: ({ inFlight, bytes }) => inFlight <= 16 && bytes <= KIB,
    load: () => import('./contenders/lowdb.ts'),
  },
  {
    name: 'floor',
    kind: 'limit',
    promised: 'synced',
    use: 'one preallocated `O_DSYNC` write of all that is in flight, up to 1 MB, by `fs.write`',
    fits: () => true,
    load: () => import('./contenders/floor.ts'),
  },
  {
    name: 'floor, blocking',
    kind: 'limit',
    promised: 'synced',
    use: 'the same by `writeSync`',
    fits: ({ inFlight }) => inFlight === 1,
    load: () => import('./contenders/floor-blocking.ts'),
  },
  {
    name: 'bandwidth',
    kind: 'limit',
    promised: 'synced',
    use: 'the fastest of large `O_DSYNC` writes and of `writeSync` with `fdatasync`, into space that is there',
    fits: ({ bytes }) => bytes >= KIB * KIB,
    load: () => import('./contenders/bandwidth.ts'),
  },
  {
    name: 'bare',
    kind: 'limit',
    promised: 'nothing',
    use: 'the commands made and applied, in memory',
    fits: () => true,
    load: () => import('./contenders/bare.ts'),
  },
  {
    name: 'promises',
    kind: 'limit',
    promised: 'nothing',
    use: 'the same with a promise for each command, all of a turn resolved in the next',
    fits: isBoundByProcessor,
    load: () => import('./contenders/promises.ts'),
  },
  {
    name: 'promises, codec',
    kind: 'limit',
    promised: 'nothing',
    use: 'the same, encoded at the call and decoded before it is applied',
    fits: isBoundByProcessor,
    load: () => import('./contenders/promises-codec.ts'),
  },
]

/** What the processor does with a command shows where many of them share a write. */
function isBoundByProcessor({ inFlight, bytes }: CommitCell): boolean {
  return inFlight >= 256 && bytes <= SMALLEST
}

/** What does one command after the other, however many wait, has the same line at 256 and at 4,096. */
function isWorthMore({ inFlight }: CommitCell): boolean {
  return inFlight <= 256
}

function isBatch({ inFlight, bytes }: CommitCell): boolean {
  return inFlight > 1 && inFlight * bytes <= BATCH_MAX_BYTES
}
