import type { Bug } from '../bug.ts'

const CHUNK_READER = 'packages/snapshot/src/chunk-reader.ts'
const FILE_READER = 'packages/snapshot/src/file-reader.ts'
const RECOVER = 'packages/recovery/src/recover.ts'

/** Snapshots: publishing, reading, falling back. */
export const SNAPSHOT_BUGS: readonly Bug[] = [
  {
    name: 'a snapshot is not synced before its rename',
    rows: [8],
    file: 'packages/snapshot/src/chunk-file.ts',
    find: 'await this.sync()\n    await this.#then(',
    replace: 'await this.#then(',
    killedBy: { harness: 'simulated engine', seed: 1 },
  },
  {
    name: 'the name of a published snapshot is not synced',
    rows: [7],
    file: 'packages/snapshot/src/publish.ts',
    find: 'await files.rename(temporary, path)\n    await files.syncDirectory(parentPath(path))',
    replace: 'await files.rename(temporary, path)',
    killedBy: { harness: 'simulated engine', seed: 2 },
  },
  {
    name: 'a snapshot is published ahead of the durable log',
    rows: [26],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'if (log.durableSeq < subject.seq) await log.sync()',
    replace: '',
    killedBy: { harness: 'simulated engine', seed: 1 },
  },
  {
    name: 'the log is trimmed to the newest snapshot: the one before has none behind it',
    rows: [21],
    file: 'packages/engine/src/retention.ts',
    find: 'const oldest = this.#kept.at(-1)',
    replace: 'const oldest = this.#kept[0]',
    killedBy: { harness: 'tests', file: 'packages/engine/src/fallback.test.ts' },
  },
  {
    name: 'one snapshot fewer is kept than asked for',
    rows: [21],
    file: 'packages/engine/src/retention.ts',
    find: 'this.#leftovers.push(...this.#kept.splice(keep))',
    replace: 'this.#leftovers.push(...this.#kept.splice(keep - 1))',
    killedBy: { harness: 'tests', file: 'packages/engine/src/fallback.test.ts' },
  },
  {
    name: 'the state changes while its snapshot is written',
    rows: [29],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'return queue.run(async () => {',
    replace: 'return Promise.resolve(queue).then(async () => {',
    killedBy: { harness: 'simulated engine', seed: 1 },
  },
  {
    name: 'a snapshot does not carry the outcomes that no batch has yet',
    rows: [10, 'I2'],
    file: 'packages/engine/src/snapshotter.ts',
    find: 'note: live.ledger.note(),',
    replace: 'note: undefined,',
    killedBy: {
      harness: 'tests',
      file: 'packages/engine/src/recorded-outcomes.test.ts',
      test: 'that only a snapshot knows',
    },
  },
  {
    name: 'the digest of a snapshot is not checked',
    rows: [17, 20],
    file: CHUNK_READER,
    find: 'if (value !== expected) {',
    replace: 'if (value === undefined) {',
    killedBy: {
      harness: 'tests',
      file: 'packages/snapshot/src/damage.test.ts',
      test: 'when whole chunks are lost',
    },
  },
  {
    name: 'bytes behind the footer of a snapshot are ignored',
    rows: [17],
    file: CHUNK_READER,
    find: "if (behind.type !== 'end') throw this.#corrupt('there are bytes behind its footer')",
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/snapshot/src/damage.test.ts',
      test: 'with anything behind it',
    },
  },
  {
    name: 'a snapshot of another store is restored',
    rows: [23],
    file: FILE_READER,
    find: 'if (storeId !== undefined && Buffer.compare(header.storeId, storeId) !== 0) {',
    replace: 'if (storeId !== undefined && storeId.length === 0) {',
    killedBy: {
      harness: 'tests',
      file: 'packages/snapshot/src/snapshot-directory.test.ts',
      test: 'refuses what belongs to another store',
    },
  },
  {
    name: 'a snapshot under the name of another is restored',
    rows: [24],
    file: FILE_READER,
    find: 'if (header.seq !== entry.seq || header.id !== entry.id) {',
    replace: 'if (header.seq < 0) {',
    killedBy: {
      harness: 'tests',
      file: 'packages/snapshot/src/snapshot-directory.test.ts',
      test: 'refuses what belongs to another store',
    },
  },
  {
    name: 'a snapshot that is sound but not the one that the manifest names is restored',
    rows: [24],
    file: RECOVER,
    find: 'expected.digest !== summary.digest || expected.seq !== entry.seq',
    replace: 'expected.digest.length === 0',
    killedBy: {
      harness: 'tests',
      file: 'packages/recovery/src/recover.test.ts',
      test: 'sets aside what the manifest names',
    },
  },
  {
    name: 'a damaged snapshot ends the recovery although an older one is there',
    rows: [21],
    file: RECOVER,
    find: "return error.code === 'SNAPSHOT_CORRUPT' || error.code",
    replace: 'return error.code',
    killedBy: {
      harness: 'tests',
      file: 'packages/recovery/src/recover.test.ts',
      test: 'sets aside what fails a check',
    },
  },
  {
    name: 'any error of the disk sets a snapshot aside',
    rows: [13, 16],
    file: RECOVER,
    find: "return errno === 'EIO' || errno === 'ENOENT'",
    replace: 'return errno !== undefined',
    killedBy: {
      harness: 'tests',
      file: 'packages/recovery/src/recover.test.ts',
      test: 'and nothing for want of anything else',
    },
  },
  {
    name: 'what a damaged snapshot has left in the state stays there',
    rows: [21],
    file: RECOVER,
    find: 'if (restoring) target.reset()',
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/recovery/src/recover.test.ts',
      test: 'forgets what was built of it',
    },
  },
  {
    name: 'a published snapshot is no evidence that the log was durable to there',
    rows: [19, 26],
    file: RECOVER,
    find: 'evidence.push({ seq, source: `the snapshot ${candidate.path}` })',
    replace: '',
    killedBy: { harness: 'tests', file: 'packages/recovery/src/recover.test.ts' },
  },
]
