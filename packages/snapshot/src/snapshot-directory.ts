import { type Codec, messagePackCodec } from '@holdfast/codec'
import {
  type Environment,
  errnoOf,
  HoldfastError,
  ioError,
  isHoldfastError,
  joinPath,
  makeDirectories,
  nodeEnvironment,
} from '@holdfast/environment'
import { zstd, zstdMissing } from './compression.ts'
import { FileSnapshotReader, readHeader } from './file-reader.ts'
import { FileSnapshotWriter } from './file-writer.ts'
import { isTemporarySnapshotName, MAX_ID, parseSnapshotName, snapshotName } from './file-name.ts'
import { MAX_NOTE_BYTES, STORE_ID_BYTES } from './format.ts'
import type { SnapshotPace } from './pace.ts'
import { publish } from './publish.ts'
import type {
  PublishedSnapshot,
  SealedSnapshot,
  SnapshotCompression,
  SnapshotEntry,
  SnapshotReader,
  SnapshotStore,
  SnapshotSubject,
  SnapshotWriter,
} from './snapshot-store.ts'

/** How a directory of snapshots is used. */
export interface SnapshotDirectoryOptions {
  /** File system, clock, random numbers and timers. Default: this machine's. */
  readonly environment?: Environment | undefined
  /**
   * The store that the snapshots belong to, 16 bytes: those of another one are refused (`FOREIGN_FILE`).
   * Default: that of the newest snapshot that can be read, or a new one.
   */
  readonly storeId?: Uint8Array | undefined
  /**
   * How new snapshots are stored. `zstd` makes them smaller, and needs a Node.js that has it (22.15, 23.8 or
   * later) to write and to read them; what is there can be read either way. Default: `none`.
   */
  readonly compression?: SnapshotCompression | undefined
  /** What new snapshots are written with. Those of this one and of the built-in ones can be read. Default: `messagePackCodec`. */
  readonly codec?: Codec<unknown> | undefined
  /** Makes the id of a new snapshot, never the same one twice. Default: one more than the highest there is. */
  readonly nextId?: (() => number | Promise<number>) | undefined
}

/** Snapshots as files in a directory, which is made with the first one. */
export class SnapshotDirectory implements SnapshotStore {
  /** Where the snapshots are. */
  readonly path: string
  /** The store that they belong to. */
  readonly storeId: Uint8Array
  readonly #environment: Environment
  readonly #compression: SnapshotCompression
  readonly #codec: Codec<unknown>
  readonly #nextId: (() => number | Promise<number>) | undefined
  /** The highest id that was given away here. */
  #lastId = 0
  /** What this process is writing. */
  readonly #temporaries: Set<string> = new Set()

  private constructor(
    path: string,
    storeId: Uint8Array,
    environment: Environment,
    options: SnapshotDirectoryOptions,
  ) {
    const { compression = 'none', codec = messagePackCodec, nextId } = options
    this.path = path
    this.storeId = storeId
    this.#environment = environment
    this.#compression = compression
    this.#codec = codec
    this.#nextId = nextId
  }

  /**
   * Opens a directory of snapshots. It need not be there, and nothing is made or changed.
   * Throws `INVALID_ARGUMENT`, `UNSUPPORTED` (the compression is not to be had here), `IO_ERROR`.
   */
  static async open(path: string, options: SnapshotDirectoryOptions = {}): Promise<SnapshotDirectory> {
    const { environment = nodeEnvironment, storeId, compression } = options
    if (compression === 'zstd' && zstd === undefined) throw zstdMissing(path)
    if (storeId !== undefined && storeId.length !== STORE_ID_BYTES) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `a store id has ${STORE_ID_BYTES} bytes, not ${storeId.length}`,
      )
    }
    const id = Uint8Array.from(storeId ?? environment.random.bytes(STORE_ID_BYTES))
    const directory = new SnapshotDirectory(path, id, environment, options)
    if (storeId !== undefined) return directory
    const found = await directory.#findStoreId()
    return found === undefined ? directory : new SnapshotDirectory(path, found, environment, options)
  }

  async list(): Promise<SnapshotEntry[]> {
    const entries: SnapshotEntry[] = []
    for (const name of await this.#names()) {
      const parsed = parseSnapshotName(name)
      if (parsed === undefined) continue
      const path = joinPath(this.path, name)
      const stat = await this.#attempt('look at a snapshot', path, () => this.#environment.files.stat(path))
      if (stat !== undefined) entries.push({ ...parsed, bytes: stat.bytes, name, path })
    }
    return entries.sort((one, other) => other.seq - one.seq || other.id - one.id)
  }

  async create(subject: SnapshotSubject, pace: SnapshotPace = 'fast'): Promise<SnapshotWriter> {
    const { seq, time, machineVersion, epoch } = subject
    // A copy, now: the caller's bytes may be a view of something that goes on changing.
    const note = Uint8Array.from(subject.note ?? [])
    assertInteger('seq', seq, Number.MAX_SAFE_INTEGER)
    assertInteger('time', time, Number.MAX_SAFE_INTEGER)
    assertInteger('machineVersion', machineVersion, 0xffffffff)
    assertInteger('epoch', epoch, Number.MAX_SAFE_INTEGER)
    assertInteger('length of the note', note.length, MAX_NOTE_BYTES)
    const environment = this.#environment
    const id = await this.#newId()
    await this.#attempt('make the directory', this.path, () => makeDirectories(environment.files, this.path))
    const name = snapshotName(seq, id)
    return FileSnapshotWriter.create({
      environment,
      entry: { seq, id, name, path: joinPath(this.path, name) },
      header: {
        id,
        seq,
        time,
        machineVersion,
        epoch,
        storeId: this.storeId,
        salt: environment.random.uint32(),
        codec: this.#codec.id,
        compression: this.#compression,
        note,
      },
      codec: this.#codec,
      pace,
      onTemporary: (path, there) => (there ? this.#temporaries.add(path) : this.#temporaries.delete(path)),
    })
  }

  async publish(sealed: SealedSnapshot): Promise<PublishedSnapshot> {
    const { temporaryPath, ...published } = this.#here(sealed)
    try {
      await publish(temporaryPath, published.path, this.#environment)
    } catch (error) {
      await this.discard(sealed).catch(() => {})
      throw error
    }
    this.#temporaries.delete(temporaryPath)
    return published
  }

  async discard({ temporaryPath }: SealedSnapshot): Promise<void> {
    await this.#unlink(temporaryPath)
    this.#temporaries.delete(temporaryPath)
  }

  open(entry: SnapshotEntry): Promise<SnapshotReader> {
    const { storeId } = this
    return FileSnapshotReader.open(this.#here(entry), {
      environment: this.#environment,
      storeId,
      codec: this.#codec,
    })
  }

  async remove(entry: SnapshotEntry): Promise<void> {
    await this.#unlink(joinPath(this.path, entry.name))
    await this.#syncNames()
  }

  async cleanTemporaries(): Promise<string[]> {
    const removed: string[] = []
    const names = await this.#names()
    for (const name of names) {
      const path = joinPath(this.path, name)
      if (!isTemporarySnapshotName(name) || this.#temporaries.has(path)) continue
      await this.#unlink(path)
      removed.push(name)
    }
    // Whoever died between a rename and its sync left a name that can be seen and that a power cut would take.
    if (names.length > 0) await this.#syncNames()
    return removed
  }

  /** By its name: an entry may come from a list that was made where the directory was called something else. */
  #here<Entry extends SnapshotEntry>(entry: Entry): Entry {
    return { ...entry, path: joinPath(this.path, entry.name) }
  }

  /** The store that the newest sound header names. Headers only: what follows may be damaged all the same. */
  async #findStoreId(): Promise<Uint8Array | undefined> {
    for (const entry of await this.list()) {
      try {
        return (await readHeader(entry, this.#environment)).storeId
      } catch (error) {
        // An error of the disk says nothing about the file, and the next file may be another store's.
        if (isHoldfastError(error, 'IO_ERROR') && errnoOf(error.cause) !== 'ENOENT') throw error
      }
    }
    return undefined
  }

  async #newId(): Promise<number> {
    let id = await this.#nextId?.()
    if (id === undefined) {
      for (const entry of await this.list()) this.#lastId = Math.max(this.#lastId, entry.id)
      id = ++this.#lastId
    }
    assertInteger('id', id, MAX_ID)
    return id
  }

  async #names(): Promise<string[]> {
    try {
      return await this.#environment.files.list(this.path)
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT' && !(await this.#leadsNowhere())) return []
      if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') throw this.#notADirectory(cause)
      throw ioError(cause, { doing: 'list the snapshots', path: this.path })
    }
  }

  /** A link is there, and what it names is not: that is no directory without snapshots. */
  async #leadsNowhere(): Promise<boolean> {
    const { files } = this.#environment
    const stat = await this.#attempt('look for the snapshots', this.path, () => files.stat(this.path))
    return stat !== undefined && stat.type !== 'directory'
  }

  #notADirectory(cause: unknown): HoldfastError {
    return new HoldfastError('NOT_A_FILE', 'something else stands where the directory of snapshots belongs', {
      path: this.path,
      cause,
    })
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#environment.files.unlink(path)
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw ioError(cause, { doing: 'remove a snapshot', path })
    }
  }

  async #syncNames(): Promise<void> {
    try {
      await this.#environment.files.syncDirectory(this.path)
    } catch (cause) {
      // No directory, no names.
      if (errnoOf(cause) !== 'ENOENT') throw ioError(cause, { doing: 'sync the directory', path: this.path })
    }
  }

  async #attempt<T>(doing: string, path: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (cause) {
      throw ioError(cause, { doing, path })
    }
  }
}

function assertInteger(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `the ${name} of a snapshot is an integer from 0 to ${max}, not ${value}`,
  )
}
