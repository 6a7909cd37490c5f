import type { RecoveryLoader } from './loader.ts'

export interface LoaderEntry {
  readonly name: string
  /** What it does, for whoever reads the table. */
  readonly use: string
  /** Of a log that Holdfast wrote, how many callers there were. */
  readonly inFlight?: number
  /** Of what all load, the share that is enough where it takes long to make. */
  readonly share?: number
  readonly load: () => Promise<RecoveryLoader>
}

export const SNAPSHOT_LOADER = 'holdfast, snapshot'
export const REDIS_LOADER = 'Redis'

/** In the order of the table. */
export const LOADERS: readonly LoaderEntry[] = [
  {
    name: SNAPSHOT_LOADER,
    use: '`open` on a snapshot with nothing behind it',
    load: () => import('./loaders/holdfast-snapshot.ts'),
  },
  {
    name: 'holdfast, log',
    use: '`open` on a log written at 4,096 in flight, without a snapshot',
    inFlight: 4096,
    load: () => import('./loaders/holdfast-log.ts'),
  },
  {
    name: 'holdfast, log of single commits',
    use: 'the same, written at 1 in flight: a frame for each record',
    inFlight: 1,
    share: 0.05,
    load: () => import('./loaders/holdfast-log.ts'),
  },
  {
    name: 'JSON.parse',
    use: 'one file, read and parsed, into the same `Map`',
    load: () => import('./loaders/json.ts'),
  },
  {
    name: 'v8.deserialize',
    use: 'one file, read and deserialized, to the same `Map`',
    load: () => import('./loaders/v8.ts'),
  },
  {
    name: 'nedb',
    use: '`loadDatabaseAsync`',
    load: () => import('./loaders/nedb.ts'),
  },
  {
    name: REDIS_LOADER,
    use: 'a server started on its append-only files, until it answers; the values stay text',
    load: () => import('./loaders/redis.ts'),
  },
  {
    name: 'the state alone',
    use: 'made in memory, loaded from nowhere',
    load: () => import('./loaders/memory.ts'),
  },
]
