import type { Bug } from '../bug.ts'

/** Snapshots taken while the store goes on: by whom, when, and what goes with them. */
export const SNAPSHOTTING_BUGS: readonly Bug[] = [
  {
    name: 'a snapshot out of a view is written as fast as one for which everybody waits',
    rows: ['I6'],
    file: 'packages/engine/src/state-source.ts',
    find: "this.#write(point, view, 'gentle')",
    replace: "this.#write(point, view, 'fast')",
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/captured.test.ts',
      test: 'a millisecond at a time',
    },
  },
  {
    name: 'a snapshot that finds another writer ends the machine, and not the log',
    rows: ['I8'],
    file: 'packages/engine/src/snapshotter.ts',
    find: "if (error.code === 'FENCED') this.#parts.log.fail(error)",
    replace: "if (error.code === 'FENCED') this.#parts.live.failed(error)",
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/lifecycle.test.ts',
      test: 'acknowledges nothing from then on',
    },
  },
  {
    name: 'a snapshot without a change deletes nothing, whatever is needed no longer',
    rows: ['I6'],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'await this.retain()\n      return newest',
    replace: 'return newest',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/pins.test.ts',
      test: 'also where nothing has changed',
    },
  },
  {
    name: 'a snapshot that cannot be deleted keeps those behind it',
    rows: [13, 'I6'],
    file: 'packages/engine/src/retention.ts',
    find: 'if (this.#isHeld(entry)) {',
    replace: 'if (failure !== undefined || this.#isHeld(entry)) {',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-troubles.test.ts',
      test: 'keeps no other from being deleted',
    },
  },
  {
    name: 'what is sound is deleted behind a snapshot beside damaged ones',
    rows: [21, 'I4'],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'this.#isSparing = damaged === undefined',
    replace: 'this.#isSparing = false',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-troubles.test.ts',
      test: 'nothing is deleted before the next one',
    },
  },
  {
    name: 'a snapshot is thrown away where what it is compared with is damaged',
    rows: [21, 'I10'],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'if (!isDamage(error)) throw error',
    replace: 'throw error',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-troubles.test.ts',
      test: 'nothing left to compare it with',
    },
  },
  {
    name: 'a thread that finds damage leaves the store without another snapshot',
    rows: [21, 'I10'],
    file: 'packages/engine/src/worker-source.ts',
    find: 'if (!isDamage(error) || signal?.aborted === true) throw error',
    replace: 'if (error !== undefined) throw error',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-troubles.test.ts',
      test: 'has its next snapshot out of the state',
    },
  },
  {
    name: 'a backup waits for as long as anybody writes',
    rows: [36, 'I6'],
    file: 'packages/wal/src/commit-loop.ts',
    find: ' && this.writer.provenSeq < through',
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/backup.test.ts',
      test: 'ends beside callers who never stop',
    },
  },
  {
    name: 'a backup takes what the manifest says of a segment that nobody has read for its size',
    rows: [1, 36],
    file: 'packages/wal/src/copy-segments.ts',
    find: 'isWhole ? Math.min(endBytes, await source.size()) : endBytes',
    replace: 'isWhole ? endBytes : endBytes',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/backup.test.ts',
      test: 'sealed in the last moment',
    },
  },
  {
    name: 'the manifest says how large the segment is that is appended to, synced or not',
    rows: [2, 33, 'I10'],
    file: 'packages/wal/src/segment-catalog.ts',
    find: '? { bytes: firstBytes }',
    replace: '? { bytes }',
    killedBy: {
      harness: 'tests',
      file: 'packages/wal/src/power-cut.test.ts',
      test: 'no reason to refuse a log',
    },
  },
  {
    name: 'no mark tells what came of commands that went to another segment',
    rows: [13, 'I2'],
    file: 'packages/wal/src/log-writer.ts',
    find: 'this.#consumer.moved?.({ from, to: segment.path, error })',
    replace:
      'this.#provenSeq = this.#durableSeq\n      this.#consumer.moved?.({ from, to: segment.path, error })',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/backup.test.ts',
      test: 'where a sync had failed',
    },
  },
  {
    name: 'snapshots by time go on after the store has failed',
    rows: ['I6'],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'return this.#stopped || this.#parts.live.failure !== undefined',
    replace: 'return this.#stopped',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-backoff.test.ts',
      test: 'a store that has failed takes no more',
    },
  },
  {
    name: 'two snapshots are taken at once',
    rows: [29],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'return this.#line.run(task)',
    replace: 'return task()',
    killedBy: { harness: 'tests', file: 'packages/engine/src/snapshot-line.test.ts' },
  },
  {
    name: 'a snapshot that failed is tried again with every batch',
    rows: [14, 'I6'],
    file: 'packages/engine/src/snapshotter.ts',
    find: `      this.#recordsSince = 0
      this.#bytesBefore = 0
      this.#appendedBefore = this.#parts.log.appendedBytes
      try {
        const snapshot = await this.#take(signal)`,
    replace: `      try {
        const snapshot = await this.#take(signal)
        this.#recordsSince = 0
        this.#bytesBefore = 0
        this.#appendedBefore = this.#parts.log.appendedBytes`,
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-backoff.test.ts',
      test: 'after twice as many records',
    },
  },
  {
    name: 'a snapshot that failed is tried again with every interval',
    rows: [14, 'I6'],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'return Math.min(BACKOFF_BASE ** this.#consecutiveFailures, MAX_BACKOFF)',
    replace: 'return 1',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-backoff.test.ts',
      test: 'are tried after twice',
    },
  },
  {
    name: 'a snapshot that was set aside counts among those that are kept',
    rows: [21, 'I4'],
    file: 'packages/engine/src/retention.ts',
    find: 'if (this.#kept.length < keep) return',
    replace: 'if (this.#kept.length + this.#leftovers.length < keep) return',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/snapshot-troubles.test.ts',
      test: 'nothing is deleted until there are',
    },
  },
  {
    name: 'pins given to open are not held before somebody looks at them',
    rows: [36, 'I6'],
    file: 'packages/engine/src/open.ts',
    find: 'pins: settings.pins.map((options) => pinAtOpening(log, options)),',
    replace: 'get pins() { return settings.pins.map((options) => pinAtOpening(log, options)) },',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/pins.test.ts',
      test: 'hold from the start',
    },
  },
  {
    name: 'a thread is not told that the store is closed',
    rows: [29, 35],
    file: 'packages/engine/src/worker-source.ts',
    find: 'const options = { silentMs: SILENT_MS, environment, signal }',
    replace: 'const options = { silentMs: SILENT_MS, environment }',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/worker.test.ts',
      test: 'ends a thread that hangs',
    },
  },
  {
    name: 'a thread that verifies is not told that the store is closed',
    rows: [29, 35],
    file: 'packages/engine/src/choose-source.ts',
    find: "runInThread(thread, end, { kind: 'verify', digest }, signal)",
    replace: "runInThread(thread, end, { kind: 'verify', digest }, undefined)",
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/worker.test.ts',
      test: 'ends a thread that hangs',
    },
  },
  {
    name: 'a thread folds what an older machine wrote as if this one had written it',
    rows: ['I2'],
    file: 'packages/engine/src/snapshot-task.ts',
    find: "{ path, machine, settings, pace: 'fast' }",
    replace: "{ path, machine: { ...machine, upgrade: {} }, settings, pace: 'fast' }",
    killedBy: { harness: 'tests', file: 'packages/engine/src/worker-upgrade.test.ts' },
  },
  {
    name: 'a comparison with a replay finds everything equal',
    rows: ['I2'],
    file: 'packages/engine/src/fold.ts',
    find: 'if (replayed === digest) return damaged',
    replace: 'return damaged',
    killedBy: { harness: 'tests', file: 'packages/engine/src/verify-snapshots.test.ts' },
  },
  {
    name: 'a snapshot is compared with a replay as fast as if everybody waited for it',
    rows: ['I6'],
    file: 'packages/engine/src/choose-source.ts',
    find: "settings: reading, pace: 'gentle' }",
    replace: "settings: reading, pace: 'fast' }",
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/captured.test.ts',
      test: 'a millisecond at a time',
    },
  },
]
