import type { Bug } from '../bug.ts'

const NODE_FILES = 'packages/environment/src/node-file-system.ts'
const REAL_FAULTS = 'packages/environment/src/real-faults.test.ts'
const TRANSFER = 'packages/environment/src/transfer.ts'

/** The file system, replacing a file, locks. */
export const ENVIRONMENT_BUGS: readonly Bug[] = [
  {
    name: 'a short write is taken for a whole one',
    rows: [15],
    file: TRANSFER,
    find: 'done += progress(await file.write(rest(bytes, done), position + done))',
    replace: 'done += progress(await file.write(rest(bytes, done), position + done)) + bytes.length',
    killedBy: { harness: 'failing log', seed: 4 },
  },
  {
    name: 'a short synced write is taken for a whole one',
    rows: [15],
    file: TRANSFER,
    find: 'done += progress(await file.writeThrough(rest(bytes, done), position + done))',
    replace: 'done += progress(await file.writeThrough(rest(bytes, done), position + done)) + bytes.length',
    killedBy: { harness: 'failing log', seed: 12 },
  },
  {
    name: 'a write that takes nothing counts as one byte',
    rows: [15],
    file: TRANSFER,
    find: 'if (count > 0) return count',
    replace: 'if (count >= 0) return Math.max(1, count)',
    killedBy: { harness: 'tests', file: 'packages/environment/src/transfer.test.ts' },
  },
  {
    name: 'a replaced file is not synced before its rename',
    rows: [8],
    file: 'packages/environment/src/replace-file.ts',
    find: 'await writeAll(file, bytes, 0)\n    await file.sync()',
    replace: 'await writeAll(file, bytes, 0)',
    killedBy: { harness: 'simulated log', seed: 1 },
  },
  {
    name: 'the rename over a replaced file is not synced',
    rows: [7],
    file: 'packages/environment/src/replace-file.ts',
    find: 'await files.rename(temporary, path)\n    await files.syncDirectory(parentPath(path))',
    replace: 'await files.rename(temporary, path)',
    killedBy: { harness: 'simulated log', seed: 1 },
  },
  {
    name: 'the parent of a new directory is not synced',
    rows: [9],
    file: 'packages/environment/src/directories.ts',
    find: 'await files.makeDirectory(directory)\n    await files.syncDirectory(parentPath(directory))',
    replace: 'await files.makeDirectory(directory)',
    killedBy: { harness: 'simulated log', seed: 1 },
  },
  {
    name: 'a directory that a dead process has made is not synced',
    rows: [9, 10],
    file: 'packages/environment/src/directories.ts',
    find: 'await syncParentOfExisting(files, level)',
    replace: '',
    killedBy: { harness: 'tests', file: 'packages/environment/src/directories.test.ts' },
  },
  {
    name: 'a synced write goes to a descriptor without O_DSYNC',
    rows: [2],
    file: NODE_FILES,
    find: 'O_WRONLY | fs.constants.O_DSYNC | SAFELY',
    replace: 'O_WRONLY | SAFELY',
    killedBy: { harness: 'tests', file: REAL_FAULTS, test: 'a durable write is one write' },
  },
  {
    name: 'a symbolic link in place of a file is followed',
    rows: [31],
    file: NODE_FILES,
    find: '(fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0)',
    replace: '(fs.constants.O_NONBLOCK ?? 0)',
    killedBy: {
      harness: 'tests',
      file: 'packages/environment/src/node-file-system.test.ts',
      test: 'not through a symbolic link',
    },
  },
  {
    name: 'a new file may be one that is there',
    rows: [24, 31],
    file: NODE_FILES,
    find: 'O_RDWR | O_CREAT | O_EXCL | SAFELY',
    replace: 'O_RDWR | O_CREAT | SAFELY',
    killedBy: {
      harness: 'tests',
      file: 'packages/environment/src/node-file-system.test.ts',
      test: 'refuses to create a file that is there',
    },
  },
  {
    name: 'a quota that is used up is not out of space',
    rows: [14, 16],
    file: 'packages/environment/src/io-error.ts',
    find: "new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])",
    replace: "new Set(['ENOSPC'])",
    killedBy: { harness: 'tests', file: 'packages/environment/src/io-error.test.ts', test: 'wraps EDQUOT' },
  },
  {
    name: 'a lock that somebody else holds counts as taken',
    rows: [30],
    file: 'packages/environment/src/kernel-locks.ts',
    find: 'if (!locked) throw new LockedError(await nameOfHolder(file), { path })',
    replace: 'if (!locked) await nameOfHolder(file)',
    killedBy: {
      harness: 'tests',
      file: 'packages/environment/src/kernel-locks.test.ts',
      test: 'refuses a second lock in this process',
    },
  },
  {
    name: 'of two who succeed a dead holder both get the lock',
    rows: [30],
    file: 'packages/environment/src/pid-file-succession.ts',
    find: 'if (!sameHolders([...chain, me], await readChain(calls, pidFile))) return false',
    replace: '',
    killedBy: {
      harness: 'tests',
      file: 'packages/environment/src/pid-file-succession.test.ts',
      test: 'never has two inside',
    },
  },
  {
    name: 'a pid that was given to another process keeps the lock',
    rows: [30],
    file: 'packages/environment/src/process-identity.ts',
    find: 'return identity.start !== undefined && identity.start !== running.start',
    replace: 'return false',
    killedBy: {
      harness: 'tests',
      file: 'packages/environment/src/process-identity.test.ts',
      test: 'takes a pid for gone',
    },
  },
]
