/** Every code that an error of Holdfast can carry. Codes are part of the API: they are added, never renamed. */
export type ErrorCode =
  | 'LOCKED'
  | 'LOCK_UNAVAILABLE'
  | 'FENCED'
  | 'CLOSED'
  | 'FAILED'
  | 'IO_ERROR'
  | 'NO_SPACE'
  | 'OVERLOADED'
  | 'ABORTED'
  | 'CORRUPT'
  | 'MANIFEST_CORRUPT'
  | 'MANIFEST_MISSING'
  | 'FOREIGN_FILE'
  | 'UNSUPPORTED_FORMAT'
  | 'UNSUPPORTED'
  | 'GAP'
  | 'DIVERGED'
  | 'NEWER_MACHINE'
  | 'UPGRADE_FAILED'
  | 'RESTORE_FAILED'
  | 'NOT_SERIALIZABLE'
  | 'RECORD_TOO_LARGE'
  | 'BATCH_TOO_LARGE'
  | 'DECODE_FAILED'
  | 'INVALID_ARGUMENT'
  | 'UNKNOWN_COMMAND'
  | 'INVALID_COMMAND'
  | 'ASYNC_APPLY'
  | 'EMPTY_SNAPSHOT'
  | 'SNAPSHOT_CORRUPT'
  | 'SNAPSHOT_FAILED'
  | 'WORKER_FAILED'
  | 'NO_STORE'
  | 'NOT_A_FILE'
  | 'NOT_EMPTY'

/** What the documentation says about one error code. */
export interface ErrorCodeDescription {
  /** What happened. */
  readonly what: string
  /** What is safe: the state of the data on disk and in memory after this error. */
  readonly safe: string
  /** What to do next. It ends the message of an error that brings no hint of its own. */
  readonly next: string
}

/** The one list of error codes; `docs/errors.md` is written from it. */
export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorCodeDescription>> = {
  LOCKED: {
    what: 'Another store has this directory open for writing, in this process or in another one. The error names its process (`pid`), its machine (`host`) and when it took the lock (`since`), as far as it could write them down.',
    safe: 'Nothing was changed. The store that holds the lock is not disturbed.',
    next: 'Close the other store or end its process: the lock goes with the process that holds it, never delete the lock file. To look without writing, open read-only.',
  },
  LOCK_UNAVAILABLE: {
    what: 'No lock that the kernel drops with its process can be had here: the native addon `fs-native-extensions` has no build for this platform (musl libc, for one), or the file system has no locks.',
    safe: 'Nothing was changed.',
    next: "Use a platform and a file system with kernel locks, or accept the named risks of a pid file: `environment: nodeEnvironmentWith({ lock: 'pid-file' })`.",
  },
  FENCED: {
    what: 'A later writer has opened the store: its epoch in the manifest is higher than the one this writer holds.',
    safe: 'The later writer owns the directory. Nothing that this writer was refused is in it.',
    next: 'Close this store. If two writers were let in at once, the lock does not work on this file system (a network file system?).',
  },
  CLOSED: {
    what: 'The call came after `close()`.',
    safe: 'Nothing was written. What was acknowledged before is not touched.',
    next: 'Open the store again.',
  },
  FAILED: {
    what: 'The store failed earlier, and takes no more writes. `cause` is the error that it failed with.',
    safe: 'Everything that was acknowledged at level `disk` is on disk; what was acknowledged at `os` and is not synced survives a crash of the process only. The state can still be read. Nothing of this call was written.',
    next: 'See to the cause, close the store and open it again: opening recovers.',
  },
  IO_ERROR: {
    what: 'The file system refused an operation. `cause` is its error, with the errno in `cause.code`.',
    safe: "Nothing that was acknowledged is touched. `outcome` says of a write whether it may be there after reopening ('unknown') or not ('not-written').",
    next: 'Look at the cause (a failing disk, permissions, too many open files, a read-only mount), then retry or open the store again.',
  },
  NO_SPACE: {
    what: 'The disk, the quota or the limit on the size of a file is used up (ENOSPC, EDQUOT, EFBIG).',
    safe: "Nothing that was acknowledged is touched; reads go on. `outcome` says whether the refused write may be there after reopening ('unknown') or not ('not-written').",
    next: 'Make room: writes are accepted again once there is some.',
  },
  OVERLOADED: {
    what: 'Commands come faster than the disk takes them: the queue holds `maxQueuedBytes` already.',
    safe: 'The command was not captured, no sequence number was taken, and nothing else is affected.',
    next: 'Wait for `ready()` and call again, or load through `executeEach`, which waits by itself.',
  },
  ABORTED: {
    what: 'The `signal` of the call was aborted before its command took a sequence number, or while the store was being opened; or it ended a load or a change feed.',
    safe: 'Nothing of the call was written; of a load, what `details` says was executed.',
    next: 'Call again if it is still wanted.',
  },
  CORRUPT: {
    what: 'Bytes of the log that were durable, as other evidence in the directory says, are damaged or missing. The error names the file, the offset and the sequences.',
    safe: 'Nothing was changed: opening is refused rather than losing acknowledged records silently.',
    next: 'Keep a copy of the directory. Restore a backup, or plan a salvage, which says what it can bring back before it changes anything.',
  },
  MANIFEST_CORRUPT: {
    what: 'The file MANIFEST does not hold what was written to it. A crash cannot do that: it is replaced atomically.',
    safe: 'Nothing was changed. Log and snapshots are still there.',
    next: 'Keep a copy of the directory, then rebuild the manifest from the segments and snapshots, or restore a backup.',
  },
  MANIFEST_MISSING: {
    what: 'The directory has segments or snapshots but no MANIFEST. A crash cannot do that: the manifest is written before them.',
    safe: 'Nothing was changed. Log and snapshots are still there.',
    next: 'Put the missing file back if it was moved; else rebuild it from the segments and snapshots, or restore a backup.',
  },
  FOREIGN_FILE: {
    what: 'A file belongs to another store, or stands under a name that is not its own: its store id, epoch, salt or first sequence is not what it should be.',
    safe: 'Nothing was changed, and nothing of that file was used.',
    next: 'Find out how it came there (a copy into the wrong directory, files swapped) and put the right one back.',
  },
  UNSUPPORTED_FORMAT: {
    what: 'The store was written in a newer version of the format than this version of Holdfast knows.',
    safe: 'Nothing was changed.',
    next: 'Open it with the version of Holdfast that wrote it, or a newer one.',
  },
  UNSUPPORTED: {
    what: 'The store needs something that this runtime or this program does not have: a compression (zstd needs a newer Node.js), a codec that was not passed.',
    safe: 'Nothing was changed.',
    next: 'Run a Node.js that has it, or pass the codec that the store was written with.',
  },
  GAP: {
    what: 'A sequence was asked for that is no longer there: it was trimmed after a snapshot, where nothing kept it, or what kept it (a pin, a reader that had fallen behind) held back more than its cap and was dropped. `requestedSeq` and `firstSeq` say what was asked and what is the first still there.',
    safe: 'The store is sound. Reading never starts somewhere else silently.',
    next: 'Start from a snapshot, or from `firstSeq` if what lies between is not needed. So that it stays there next time, pin it: `store.pin()`, or the option `pins` of `open`.',
  },
  DIVERGED: {
    what: 'A replayed command came out differently from what was recorded when it was first applied: accepted then and refused now, or the other way round. Or a new snapshot is not the state that a replay comes to (`verifySnapshots`, or a thread that takes one); then `seq` is the first command after which two replays differ, where they do.',
    safe: 'Nothing was changed, no snapshot was published; the log is intact. The state that was being built was thrown away.',
    next: 'Make `apply` deterministic again (`checkMachine` of `@holdfast/testing` shows where it is not), or raise the version of the machine and handle older commands in `upgrade`.',
  },
  NEWER_MACHINE: {
    what: 'The store was written by a newer version of the state machine than the one that opens it.',
    safe: 'Nothing was changed.',
    next: 'Deploy the newer version of the machine.',
  },
  UPGRADE_FAILED: {
    what: "The machine's `upgrade` threw, or is missing where the store was written by an older version of the machine.",
    safe: 'Nothing was changed.',
    next: 'Repair `upgrade` so that it reads what the older version wrote; `cause` is what it threw.',
  },
  RESTORE_FAILED: {
    what: "The machine's `restore` threw over the entries of a snapshot, which read well.",
    safe: 'Nothing was changed. No older snapshot is tried: the snapshot is sound.',
    next: 'Repair `restore` so that it takes what `entries` gave; `cause` is what it threw.',
  },
  NOT_SERIALIZABLE: {
    what: 'A value could not be brought back from its bytes exactly: a function, a class instance, -0, a lone surrogate, a cycle and the like. The error names the path of the value inside what was passed.',
    safe: 'Nothing was captured or written. A snapshot that fails so leaves the earlier ones and the store as they are.',
    next: 'Change the value at that path to plain data.',
  },
  RECORD_TOO_LARGE: {
    what: 'One record takes more bytes than `maxRecordBytes`.',
    safe: 'Nothing was captured or written.',
    next: 'Split the command, or raise `maxRecordBytes`.',
  },
  BATCH_TOO_LARGE: {
    what: 'The commands that must go into one batch take more bytes than one frame of the format can hold.',
    safe: 'Nothing was captured or written.',
    next: 'Pass fewer commands at once.',
  },
  DECODE_FAILED: {
    what: 'Bytes under a valid checksum do not decode to what they should be: they were written by other code, or by a codec with a bug.',
    safe: 'Nothing was changed.',
    next: 'Check that the codec is the one that wrote the store. If it is, please report a bug with the file.',
  },
  INVALID_ARGUMENT: {
    what: 'An option or an argument has a value that it cannot have.',
    safe: 'Nothing was done.',
    next: 'Correct the value that the message names.',
  },
  UNKNOWN_COMMAND: {
    what: 'The machine has no command of this name.',
    safe: 'Nothing was captured or written. At replay nothing was changed.',
    next: 'Check the name. A command that is in the log cannot be removed from the machine without a new version and `upgrade`.',
  },
  INVALID_COMMAND: {
    what: 'The schema of the command refused its argument.',
    safe: 'Nothing was captured or written.',
    next: "Correct the argument: `details.issues` are the schema's own words.",
  },
  ASYNC_APPLY: {
    what: 'A command is an async or a generator function, or `apply` returned a promise. It has to be synchronous: replay must see the same order and the same state.',
    safe: 'A function that is async is refused before a store is opened. Where `apply` returned a promise, its command stands in the log as refused, and does so at every replay; what it changed before its first await is changed.',
    next: 'Do the asynchronous work before `execute`, and put what came of it into the command.',
  },
  EMPTY_SNAPSHOT: {
    what: 'A snapshot writer was closed before anything was written to it.',
    safe: 'Nothing was published; earlier snapshots are untouched.',
    next: 'Write the state before closing, or dispose of the writer without closing it.',
  },
  SNAPSHOT_CORRUPT: {
    what: 'A snapshot fails its checksums, its digest or its structure.',
    safe: 'Nothing was changed. Opening goes on with an older snapshot, or the log from the start, where they are there.',
    next: 'If opening was refused, restore a backup. Otherwise take a new snapshot, and look after the disk.',
  },
  SNAPSHOT_FAILED: {
    what: 'A snapshot could not be written. `cause` says why.',
    safe: 'Nothing was published; earlier snapshots, the log and the store are untouched and go on.',
    next: 'See to the cause, then take the snapshot again.',
  },
  WORKER_FAILED: {
    what: 'A worker thread that was taking or checking a snapshot ended without a result: it ran out of memory, left, could not be started, or hung.',
    safe: 'Nothing was published, and what the thread left is removed; earlier snapshots, the log and the store are untouched and go on.',
    next: 'The message says how it ended; the policy tries again, later each time. A thread holds a second copy of the state: where it ran out of memory, give the process more, or take snapshots in another mode.',
  },
  NO_STORE: {
    what: 'There is no store in the directory that was to be read.',
    safe: 'Nothing was made.',
    next: 'Check the path. A store is made by opening it for writing.',
  },
  NOT_A_FILE: {
    what: 'Something else stands where a store keeps a file or a directory of its own: a symbolic link, a FIFO, a device, a socket, a directory. Such things are never followed or opened.',
    safe: 'It was not read, written or removed.',
    next: 'Find out who put it there, and remove it or move the store.',
  },
  NOT_EMPTY: {
    what: 'The target of a backup or a restore is a directory that holds something already.',
    safe: 'Nothing was written.',
    next: 'Choose a new directory, or empty this one.',
  },
}
