import type { Bug } from '../bug.ts'

/** What a log bounds, refuses, and lets go. */
export const LOG_KEEPING_BUGS: readonly Bug[] = [
  {
    name: 'level os is never synced in time',
    rows: [33],
    file: 'packages/wal/src/unsynced-batches.ts',
    find: 'this.#timer = this.#timers.after(this.#limits.syncIntervalMs, due, { keepAlive: true })',
    replace: 'void due',
    killedBy: {
      harness: 'tests',
      file: 'packages/wal/src/durability.test.ts',
      test: 'syncs what is acknowledged at level os within',
    },
  },
  {
    name: 'any number of bytes may be unsynced',
    rows: ['I6'],
    file: 'packages/wal/src/unsynced-batches.ts',
    find: '|| this.#bytes >= this.#limits.maxUnsyncedBytes',
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/wal/src/durability.test.ts',
      test: 'syncs what is acknowledged at level os within',
    },
  },
  {
    name: 'any number of bytes may be queued',
    rows: [35],
    file: 'packages/wal/src/capture-queue.ts',
    find: 'return this.#bytes < this.#limits.maxQueuedBytes',
    replace: 'return true',
    killedBy: { harness: 'tests', file: 'packages/wal/src/log-directory.test.ts' },
  },
  {
    name: 'a log that is closed takes appends',
    rows: [29],
    file: 'packages/wal/src/log-state.ts',
    find: "if (!this.isOpen) throw new HoldfastError('CLOSED', 'the log is closed', { outcome: 'not-written' })",
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/wal/src/log-directory.test.ts',
      test: 'refuses everything after that',
    },
  },
  {
    name: "the log's clock goes back with the machine's",
    rows: [32],
    file: 'packages/wal/src/log-clock.ts',
    find: 'Math.max(this.#lastTime, Math.floor(this.#clock.now()))',
    replace: 'Math.floor(this.#clock.now())',
    killedBy: { harness: 'simulated log', seed: 1 },
  },
  {
    name: 'files are removed before the manifest stops naming them',
    rows: [7],
    file: 'packages/wal/src/log-trimmer.ts',
    find: 'await this.#roller.saveCatalog()\n        await removeFiles(this.#directory.environment, this.#directory.walPath, this.#trimmed)',
    replace:
      'await removeFiles(this.#directory.environment, this.#directory.walPath, this.#trimmed)\n        await this.#roller.saveCatalog()',
    killedBy: { harness: 'simulated log', seed: 1 },
  },
  {
    name: 'trimming goes one sequence too far',
    rows: [7, 'I1'],
    file: 'packages/wal/src/segment-catalog.ts',
    find: 'end.seq > throughSeq,',
    replace: 'end.seq > throughSeq + 1,',
    killedBy: { harness: 'tests', file: 'packages/wal/src/trim.test.ts', test: 'deletes whole segments' },
  },
  {
    name: 'pins do not keep segments from being trimmed',
    rows: [36],
    file: 'packages/wal/src/pins.ts',
    find: 'Math.min(seq, pin.from - 1), throughSeq)',
    replace: 'seq, throughSeq)',
    killedBy: { harness: 'simulated engine', seed: 37 },
  },
  {
    name: 'a pin over its cap is kept',
    rows: ['I6'],
    file: 'packages/wal/src/pins.ts',
    find: 'if (bytes <= kept) continue',
    replace: 'continue',
    killedBy: { harness: 'tests', file: 'packages/wal/src/pins.test.ts', test: 'is dropped with the trim' },
  },
  {
    name: 'the deleted file of a reader that was dropped stays open',
    rows: ['I6'],
    file: 'packages/wal/src/log-reader.ts',
    find: 'if (isAway) void reader?.close()',
    replace: 'void isAway',
    killedBy: { harness: 'tests', file: 'packages/wal/src/pins.test.ts', test: 'has its file closed' },
  },
]
