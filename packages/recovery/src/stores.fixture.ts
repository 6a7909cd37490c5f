import { HoldfastError } from '@holdfast/environment'
import type { SnapshotEntry, SnapshotReader, SnapshotStore } from '@holdfast/snapshot'
import type { Batch, LogPlan, LogScan, Mark, ScanOptions } from '@holdfast/wal'
import type { ReplayTarget } from './replay-target.ts'

/** What a listed snapshot turns out to be: its state, or what opening or reading it throws. */
export interface FakeSnapshot {
  readonly seq: number
  readonly id: number
  readonly state?: string
  readonly opening?: Error
  readonly reading?: Error
  readonly time?: number
}

/** Snapshots in memory; what is read from them is one string. */
export function fakeSnapshots(
  snapshots: readonly FakeSnapshot[],
): SnapshotStore & { readonly closed: number[] } {
  const closed: number[] = []
  const entries = snapshots.map(
    ({ seq, id }): SnapshotEntry => ({
      seq,
      id,
      bytes: 10,
      name: `snapshot-${id}`,
      path: `/snapshots/snapshot-${id}`,
    }),
  )
  const refuse = (): never => {
    throw new Error('recovery only reads')
  }
  return {
    closed,
    list: () => Promise.resolve([...entries]),
    open: async (entry) => {
      const snapshot = snapshots.find(({ id }) => id === entry.id)
      if (snapshot === undefined) throw new Error('not listed')
      if (snapshot.opening !== undefined) throw snapshot.opening
      return fakeReader(entry, snapshot, closed)
    },
    create: refuse,
    publish: refuse,
    discard: refuse,
    remove: refuse,
    cleanTemporaries: refuse,
  }
}

/** The digest of a state in these fakes. */
export const digestOf = (state: string): string => `digest of ${state}`

function fakeReader(entry: SnapshotEntry, snapshot: FakeSnapshot, closed: number[]): SnapshotReader {
  const { seq, id, state = '', reading, time = 0 } = snapshot
  let done = false
  const summary = { entries: 1, chunks: 1, payloadBytes: 10, digest: digestOf(state) }
  return {
    entry,
    header: {
      seq,
      id,
      time,
      machineVersion: 1,
      epoch: 1,
      formatVersion: 1,
      codec: 'msgpack-1',
      compression: 'none',
      storeId: new Uint8Array(16),
      note: new Uint8Array(0),
    },
    get summary() {
      return done ? summary : undefined
    },
    async verify() {
      if (reading !== undefined) throw reading
      done = true
      return summary
    },
    async *batches() {
      yield* [[state]]
    },
    async *values() {
      yield state
      if (reading !== undefined) throw reading
      done = true
    },
    async close() {
      closed.push(id)
    },
  }
}

/** A log in memory that begins at `firstSeq`; one batch for each number of records. */
export function fakeLog(
  counts: readonly number[],
  {
    firstSeq = 1,
    refusal,
    lastTime = 0,
    recordBytes = 1000,
  }: { firstSeq?: number; refusal?: HoldfastError; lastTime?: number; recordBytes?: number } = {},
): { scan(options: ScanOptions): LogScan; readonly scans: ScanOptions[]; readonly ended: () => boolean } {
  const scans: ScanOptions[] = []
  let ended = false
  return {
    scans,
    ended: () => ended,
    scan(options) {
      scans.push(options)
      const plan = planOf(firstSeq, lastTime)
      return {
        plan,
        async *[Symbol.asyncIterator](): AsyncGenerator<Batch | Mark, void, undefined> {
          let next = firstSeq
          for (const count of counts) {
            const batch = batchOf(next, count, recordBytes)
            next += count
            plan.lastSeq = batch.lastSeq
            if (batch.lastSeq > options.after) yield batch
          }
          yield { durableSeq: next - 1, time: 0, note: new Uint8Array(0) }
          plan.provenSeq = next - 1
          plan.refusal = refusal
          ended = true
        },
      }
    },
  }
}

function batchOf(firstSeq: number, count: number, recordBytes: number): Batch {
  return {
    firstSeq,
    count,
    lastSeq: firstSeq + count - 1,
    time: firstSeq,
    durableSeq: firstSeq - 1,
    note: new Uint8Array(0),
    machineVersion: 1,
    codec: 'bytes-1',
    records: new Uint8Array(count * recordBytes),
  }
}

/** What a pass over a log begins with. */
export function planOf(firstSeq: number, lastTime: number): LogPlan {
  return {
    firstSeq,
    lastSeq: firstSeq - 1,
    provenSeq: 0,
    provenBy: 'nothing',
    lastTime,
    survivors: undefined,
    tail: undefined,
    segments: [],
    ignored: [],
    batches: 0,
    records: 0,
    bytesRead: 0,
    refusal: undefined,
    attach: undefined,
  }
}

/** Writes down what it is given. */
export class RecordingTarget implements ReplayTarget {
  readonly events: string[] = []
  satisfied = false

  async restore(reader: SnapshotReader): Promise<void> {
    for await (const value of reader.values()) this.events.push(`restored ${String(value)}`)
  }

  reset(): void {
    this.events.push('reset')
  }

  apply(item: Batch | Mark): void {
    this.events.push('records' in item ? `batch ${item.firstSeq}-${item.lastSeq}` : `mark ${item.durableSeq}`)
  }

  finish(): void {
    this.events.push('finished')
  }
}

export const corrupt = (
  code: 'SNAPSHOT_CORRUPT' | 'FOREIGN_FILE' | 'NOT_A_FILE' | 'UNSUPPORTED_FORMAT' = 'SNAPSHOT_CORRUPT',
): HoldfastError => new HoldfastError(code, 'made by a test')
