import type { Bug } from '../bug.ts'

const BACKUP = 'packages/engine/src/backup.ts'

/** Commands, outcomes, feeds and backups. */
export const ENGINE_BUGS: readonly Bug[] = [
  {
    name: 'outcomes are never recorded',
    rows: ['I2'],
    file: 'packages/engine/src/outcome-ledger.ts',
    find: 'if (this.#appliedThrough <= this.#carriedThrough) return undefined\n',
    replace: 'if (this.#appliedThrough >= 0) return undefined\n',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/recorded-outcomes.test.ts',
      test: 'are recorded in the second batch after',
    },
  },
  {
    name: 'outcomes that a refused batch carried are lost',
    rows: [28],
    file: 'packages/engine/src/outcome-ledger.ts',
    find: '(seq) => seq > this.#carriedThrough && seq <= this.#appliedThrough,',
    replace: '(seq) => seq > this.#carriedThrough + 1 && seq <= this.#appliedThrough,',
    killedBy: { harness: 'simulated engine', seed: 1 },
  },
  {
    name: 'outcomes are forgotten before the batch that carries them is durable',
    rows: [11, 33],
    file: 'packages/engine/src/outcome-ledger.ts',
    find: 'const through = Math.min(this.#settledThrough, this.#appliedThrough)',
    replace: 'const through = this.#appliedThrough',
    killedBy: { harness: 'tests', file: 'packages/engine/src/change-feed.test.ts' },
  },
  {
    name: 'a replay that comes out otherwise than the log says goes on',
    rows: ['I2'],
    file: 'packages/engine/src/outcome-ledger.ts',
    find: "if (then < now) throw diverged(then, 'refused', 'accepted')",
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/replay.test.ts',
      test: 'a command that was refused is accepted now',
    },
  },
  {
    name: 'the time of a replayed command is the time of the replay',
    rows: [32],
    file: 'packages/engine/src/replay.ts',
    find: 'applyCommand(this.#machine, this.#state, command, seq, time)',
    replace: 'applyCommand(this.#machine, this.#state, command, seq, Date.now() + time * 0)',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/replay.test.ts',
      test: 'with the time and sequence of the log',
    },
  },
  {
    name: 'a change feed gives what is not durable',
    rows: [33, 36],
    file: 'packages/wal/src/log-reader.ts',
    find: 'const limit = Math.min(through, this.#writer.durableSeq)',
    replace:
      'const limit = Math.min(through, this.#state.failure === undefined ? (this.#writer as unknown as { lastSeq: number }).lastSeq : 0)',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/change-feed.test.ts',
      test: 'end at what is durable',
    },
  },
  {
    name: 'a backup is a store before its files are durable',
    rows: [36],
    file: BACKUP,
    find: 'await files.syncDirectory(snapshotsPath)\n    await files.syncDirectory(target)',
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/backup.test.ts',
      test: 'survives a power cut once it is there',
    },
  },
  {
    name: 'a backup lacks what was executed at level os before it',
    rows: [33, 36],
    file: 'packages/wal/src/segment-log.ts',
    find: 'await this.sync()\n    await roller.settled()',
    replace: 'await roller.settled()',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/backup.test.ts',
      test: 'with everything that was executed before',
    },
  },
  {
    name: 'the copies in a backup are not synced',
    rows: [36],
    file: 'packages/environment/src/copy-file.ts',
    find: 'await target.sync()\n',
    replace: '\n',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/backup.test.ts',
      test: 'survives a power cut once it is there',
    },
  },
  {
    name: 'a snapshot out of a view is written out of the state that goes on changing',
    rows: [26, 'I2'],
    file: 'packages/engine/src/snapshotter.ts',
    find: "return this.#writeOut(subject, view, 'gentle')",
    replace: "return this.#writeOut(subject, live.state, 'gentle')",
    killedBy: { harness: 'simulated engine', seed: 1 },
  },
]
