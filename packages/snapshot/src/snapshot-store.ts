import type { SnapshotPace } from './pace.ts'

/**
 * Where snapshots are kept. Recovery and the engine depend on this interface and on nothing of a file
 * system; `SnapshotDirectory` is the implementation for local files.
 *
 * A snapshot is a sequence of values of any size, published whole or not at all, and never changed
 * afterwards. One writer at a time is the caller's to see to (the lock of the store does); readers need
 * nobody's leave.
 */
export interface SnapshotStore {
  /**
   * The published snapshots, newest first: by sequence, then by id. Names only: whether the content is
   * sound is what `open` and reading find out. Nothing is made; a store without a snapshot has none.
   */
  list(): Promise<SnapshotEntry[]>
  /**
   * Begins a snapshot. Nothing is to be seen of it in `list` before `close` of its writer has returned.
   * `pace`: how it shares the event loop; default `fast`.
   * Throws `INVALID_ARGUMENT`, `IO_ERROR`, `NO_SPACE`.
   */
  create(subject: SnapshotSubject, pace?: SnapshotPace): Promise<SnapshotWriter>
  /**
   * Gives a sealed snapshot its name, durably: on return it is there after any crash. Where that fails it is
   * discarded. Throws `SNAPSHOT_FAILED` where something has its name already, `IO_ERROR`, with `outcome: 'unknown'`
   * where the snapshot may be there after a crash: whole.
   */
  publish(sealed: SealedSnapshot): Promise<PublishedSnapshot>
  /** Removes a sealed snapshot that is not to be published. One that is gone already is no error. */
  discard(sealed: SealedSnapshot): Promise<void>
  /**
   * Opens a snapshot for reading and checks its header.
   * Throws `SNAPSHOT_CORRUPT`; `UNSUPPORTED_FORMAT` (a newer version of the format wrote it);
   * `UNSUPPORTED` (its codec or its compression is not to be had here); `FOREIGN_FILE` (another store's,
   * or under a name that isn't its own); `NOT_A_FILE`; `IO_ERROR` (with ENOENT in `cause.code` where it
   * was removed since it was listed).
   */
  open(entry: SnapshotEntry): Promise<SnapshotReader>
  /** Removes a snapshot: on return it is gone for good. One that is gone already is no error. */
  remove(entry: SnapshotEntry): Promise<void>
  /**
   * Removes what writers that died left behind, and says what it was. Only for the one writer of a store:
   * the temporary file of another process would be removed under its hands. A snapshot that such a writer had
   * just given its name is durable under it from here on.
   */
  cleanTemporaries(): Promise<string[]>
}

/** What a snapshot is of. Recorded in its header. */
export interface SnapshotSubject {
  /** The last sequence whose effect is in the state; 0 for the state before the first one. */
  readonly seq: number
  /** Wall-clock milliseconds: the time of that sequence, as far as replay goes on from it. */
  readonly time: number
  /** The version of the machine whose state it is. */
  readonly machineVersion: number
  /** The epoch of the writer that takes it. */
  readonly epoch: number
  /**
   * Bytes of whoever takes it, at most 16 MiB: they stand in the header, and the digest does not cover them.
   * For what belongs to this snapshot and not to the state in it. Default: none.
   */
  readonly note?: Uint8Array | undefined
}

/** A published snapshot, as far as its name tells. */
export interface SnapshotEntry {
  /** The last sequence whose effect is in it. */
  readonly seq: number
  /** Never used twice in one store: of two snapshots at one sequence the higher id is the later one. */
  readonly id: number
  /** The size of what is stored, in bytes. */
  readonly bytes: number
  /** The name of it in its store. */
  readonly name: string
  /** Where it is, for messages and for people. */
  readonly path: string
}

/** What a snapshot says about itself before its first value. */
export interface SnapshotHeader extends SnapshotSubject {
  /** The version of the snapshot format. */
  readonly formatVersion: number
  /** The store that it belongs to: 16 bytes. */
  readonly storeId: Uint8Array
  readonly id: number
  /** The id of the codec that wrote the values. */
  readonly codec: string
  readonly compression: SnapshotCompression
  /** Empty where none was given. */
  readonly note: Uint8Array
}

/** How chunks are stored. It changes neither the values nor the digest. */
export type SnapshotCompression = 'none' | 'zstd'

/** What a snapshot holds, found by reading all of it. */
export interface SnapshotSummary {
  /** The values that were written, at the top level. */
  readonly entries: number
  /** The chunks that they were cut into. */
  readonly chunks: number
  /** The bytes of all chunks, before compression. */
  readonly payloadBytes: number
  /**
   * SHA-256 over the chunks before compression, in hex. Two snapshots of one state have one digest,
   * whoever wrote them, when, and with what compression.
   */
  readonly digest: string
}

/** A snapshot that its writer has published. */
export interface PublishedSnapshot extends SnapshotEntry, SnapshotSummary {}

/**
 * A snapshot that is complete, durable and read back, and has no name yet: nothing is to be seen of it in `list`. Plain
 * data, so that one thread can write a snapshot and another one publish it.
 */
export interface SealedSnapshot extends PublishedSnapshot {
  /** Where it is until it is published. */
  readonly temporaryPath: string
}

/**
 * Writes one snapshot. Beyond the values themselves it takes the memory of a few chunks, however large
 * the state and each single value in it.
 *
 * Any error ends it: what was written so far is removed, the snapshots that were there stay as they are,
 * and every later call throws the same error. `NOT_SERIALIZABLE` names the path of the value inside the
 * one that was passed.
 */
export interface SnapshotWriter extends AsyncDisposable {
  /**
   * Adds a value of any size. It is captured when this returns nothing, or when what it returns is
   * settled; until then it must not be changed. A promise is returned only where a chunk was cut, or it is
   * time for a rest (once in some thousands of small values), and resolves after a turn of the event loop:
   * `await` it before the next call (`INVALID_ARGUMENT` otherwise).
   */
  write(value: unknown): void | Promise<void>
  /** Adds all the values. The event loop turns between chunks, and at each rest. The fast way for many small values. */
  writeAll(values: Iterable<unknown> | AsyncIterable<unknown>): Promise<void>
  /**
   * Puts every chunk that is complete so far on the disk. The open chunk stays in memory: where chunks end
   * depends on what is written and on nothing else, or equal states would have unequal digests. Nothing is
   * published; for spreading the work of the disk, and to hear early that it is full.
   */
  flush(): Promise<void>
  /**
   * Completes it: the rest and the footer are written and synced, and everything is read back and checked. What comes
   * of it is for `SnapshotStore.publish` or `discard`; the writer is done with it.
   *
   * Throws `EMPTY_SNAPSHOT` where nothing was written.
   */
  seal(): Promise<SealedSnapshot>
  /**
   * `seal` and `publish` in one: the snapshot gets its name, durably, once it is complete and checked. On return it is
   * there after any crash.
   *
   * Throws what the two throw, and removes what was written. Of a failure with `outcome: 'unknown'` the snapshot may
   * be there after a crash: whole, since it was synced before.
   */
  close(): Promise<PublishedSnapshot>
  /** Without `seal` or `close`: gives up, and removes what was written. After them: nothing. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Reads one snapshot. Each call of `verify`, `batches` and `values` is a pass of its own over the file. */
export interface SnapshotReader {
  readonly entry: SnapshotEntry
  readonly header: SnapshotHeader
  /**
   * Reads all of it and checks every checksum, the footer and the digest, without decoding a value.
   * Throws `SNAPSHOT_CORRUPT`, `UNSUPPORTED_FORMAT`, `IO_ERROR`, `CLOSED`.
   */
  verify(): Promise<SnapshotSummary>
  /**
   * The values, decoded while they are checked: those of one chunk at a time, never an empty array. The
   * fast way. The event loop turns between chunks.
   *
   * What was yielded is worth nothing until the iteration has ended by itself: damage further on, a
   * missing end and a wrong digest throw when they are come to. Throw away what was built so far then.
   * Throws what `verify` throws.
   */
  batches(): AsyncIterable<unknown[]>
  /** The values of `batches`, one by one. */
  values(): AsyncIterable<unknown>
  /** What the last pass that ended by itself has found: `undefined` before. */
  readonly summary: SnapshotSummary | undefined
  /** Gives the file back. A second call does nothing; a pass under way throws `CLOSED`. */
  close(): Promise<void>
}
