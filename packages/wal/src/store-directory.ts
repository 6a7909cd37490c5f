import {
  absolutePath,
  errnoOf,
  HoldfastError,
  ioError,
  isTemporaryName,
  joinPath,
  makeDirectories,
  readAll,
  replaceFile,
  type DirectoryLock,
  type Environment,
} from '@holdfast/environment'
import { MAX_PAYLOAD_BYTES } from '@holdfast/framing'
import { MAX_ID } from './segment-name.ts'
import { decodeManifest, emptyManifest, encodeManifest, type Manifest } from './manifest.ts'

/** Ids that are set aside with each manifest: a crash wastes no more of the ten digits of a name. */
const ID_BLOCK = 64

/**
 * A store's directory: its identity, its lock and its manifest.
 *
 *   LOCK         held by the one writer; never removed
 *   MANIFEST     what belongs to the store
 *   wal/         segments
 *   snapshots/   snapshots
 *
 * Opening it for writing takes the lock and changes nothing else; `beginEpoch` is the first thing that
 * does, after the plan for recovery has been accepted.
 */
export class StoreDirectory {
  readonly path: string
  readonly environment: Environment
  #lock: DirectoryLock | undefined
  #manifest: Manifest
  #isNew: boolean
  #nextId: number
  /** Ids below this one may be given. */
  #reservedId: number
  #writing = false
  #updates: Promise<void> = Promise.resolve()

  private constructor(
    path: string,
    environment: Environment,
    lock: DirectoryLock | undefined,
    manifest: Manifest,
    isNew: boolean,
  ) {
    this.path = path
    this.environment = environment
    this.#lock = lock
    this.#manifest = manifest
    this.#isNew = isNew
    this.#nextId = manifest.nextId
    this.#reservedId = manifest.nextId
  }

  /** Takes the lock (`LOCKED`, `LOCK_UNAVAILABLE`) and reads the manifest. A directory that isn't there is made, durably. */
  static async openForWriting(path: string, environment: Environment): Promise<StoreDirectory> {
    const root = absolutePath(path)
    try {
      await makeDirectories(environment.files, root)
    } catch (cause) {
      throw ioError(cause, { doing: 'make the directory of the store', path: root })
    }
    const lock = await environment.locks.acquire(joinPath(root, 'LOCK'))
    try {
      const manifest = await readManifest(environment, root)
      if (manifest !== undefined) return new StoreDirectory(root, environment, lock, manifest, false)
      await refuseFilesWithoutManifest(environment, root)
      const storeId = Buffer.from(environment.random.bytes(16)).toString('hex')
      return new StoreDirectory(root, environment, lock, emptyManifest(storeId), true)
    } catch (error) {
      // Why it was refused is what the caller has to hear, whatever becomes of the lock file.
      await lock.release().catch(() => {})
      throw error
    }
  }

  /** Takes no lock and changes nothing. Throws `NO_STORE` where there is no store. */
  static async openForReading(path: string, environment: Environment): Promise<StoreDirectory> {
    const root = absolutePath(path)
    const manifest = await readManifest(environment, root)
    if (manifest === undefined) {
      await refuseFilesWithoutManifest(environment, root)
      throw new HoldfastError('NO_STORE', 'there is no store in this directory', { path: root })
    }
    return new StoreDirectory(root, environment, undefined, manifest, false)
  }

  get walPath(): string {
    return joinPath(this.path, 'wal')
  }

  get snapshotsPath(): string {
    return joinPath(this.path, 'snapshots')
  }

  get storeId(): Buffer {
    return Buffer.from(this.#manifest.storeId, 'hex')
  }

  /** The manifest as this process last read or wrote it. */
  get manifest(): Manifest {
    return this.#manifest
  }

  get epoch(): number {
    return this.#manifest.epoch
  }

  /** No manifest has been written yet. */
  get isNew(): boolean {
    return this.#isNew
  }

  /** Whether this one holds the lock. */
  get writable(): boolean {
    return this.#lock !== undefined
  }

  /** Reads the manifest again; for readers, whose writer goes on. */
  async reload(): Promise<void> {
    const manifest = await readManifest(this.environment, this.path)
    if (manifest === undefined)
      throw new HoldfastError('NO_STORE', 'the store is no longer there', { path: this.path })
    this.#manifest = manifest
  }

  /**
   * An id that no file of this store has had, or ever will have. A file that was made and removed again may
   * come back with a power cut, and nothing else may have its id then: so ids are set aside in the manifest
   * before they are given, a block at a time. Throws as `update` does.
   */
  async nextId(): Promise<number> {
    if (this.#nextId > MAX_ID) throw new HoldfastError('FAILED', 'there is no id left', { path: this.path })
    while (this.#nextId >= this.#reservedId) {
      // Behind a clean close nothing is made any more, and no block is set aside.
      if (this.#manifest.clean !== undefined) throw closedError(this.path)
      await this.update((manifest) => manifest)
    }
    return this.#nextId++
  }

  /** No id at or below this one will be given again: files that the manifest doesn't name may have it. */
  reserveId(id: number): void {
    this.#nextId = Math.max(this.#nextId, id + 1)
  }

  /**
   * This writer is the one from now on: the epoch is raised, durably, and the clean-close mark removed.
   * `change` is made in the same replacement.
   */
  async beginEpoch(change: (manifest: Manifest) => Manifest = (manifest) => manifest): Promise<void> {
    const { files } = this.environment
    this.#assertNumbersLeft()
    try {
      const made = [await files.makeDirectory(this.walPath), await files.makeDirectory(this.snapshotsPath)]
      if (made.includes(true) || this.#isNew) await files.syncDirectory(this.path)
    } catch (cause) {
      throw ioError(cause, { doing: 'make the directories of the store', path: this.path })
    }
    const { clean: _, ...rest } = change(this.#manifest)
    await this.#write({ ...rest, epoch: this.#manifest.epoch + 1 })
    this.#isNew = false
    this.#writing = true
  }

  /**
   * A writer that runs out of numbers would name files as no reader does. No store gets there by itself, but one
   * stray file with the last id is enough: it is refused while nothing has changed.
   */
  #assertNumbersLeft(): void {
    const { epoch, nextId } = this.#manifest
    if (epoch === Number.MAX_SAFE_INTEGER || nextId > MAX_ID - ID_BLOCK)
      throw manifestCorrupt(this.path, `no numbers are left behind epoch ${epoch} and id ${nextId}`)
    if (this.#nextId > MAX_ID - ID_BLOCK) {
      throw new HoldfastError(
        'FOREIGN_FILE',
        `a file has the id ${this.#nextId - 1}, which this store has not given, and behind which hardly any are left`,
        { path: this.path },
      )
    }
  }

  /**
   * Replaces the manifest, durably; changes are made one after another, each on the outcome of the one
   * before. Throws `FENCED` when another writer has raised the epoch meanwhile.
   */
  update(change: (manifest: Manifest) => Manifest): Promise<void> {
    const run = this.#updates.then(() => this.#update(change))
    this.#updates = run.catch(() => {})
    return run
  }

  async #update(change: (manifest: Manifest) => Manifest): Promise<void> {
    if (!this.#writing) throw closedError(this.path)
    await this.assertNotFenced()
    await this.#write({ ...change(this.#manifest), epoch: this.#manifest.epoch })
  }

  /**
   * Throws `FENCED` when another writer has raised the epoch. Where the lock holds, none can; this is for file
   * systems whose locks do not, and leaves the old writer no further than the segment that it is in.
   */
  async assertNotFenced(): Promise<void> {
    const onDisk = await readManifest(this.environment, this.path)
    if (onDisk?.epoch !== this.#manifest.epoch || onDisk.storeId !== this.#manifest.storeId) {
      const now =
        onDisk === undefined
          ? 'is gone'
          : onDisk.storeId === this.#manifest.storeId
            ? `has ${onDisk.epoch}`
            : 'is that of another store'
      throw new HoldfastError(
        'FENCED',
        `this writer opened the store in epoch ${this.#manifest.epoch}, and the manifest now ${now}`,
        {
          path: manifestPath(this.path),
          details: { epoch: this.#manifest.epoch, manifestEpoch: onDisk?.epoch },
        },
      )
    }
  }

  async #write(changed: Manifest): Promise<void> {
    // Nothing is made behind a clean close: what is left of the block is not needed.
    const nextId = Math.min(this.#nextId + (changed.clean === undefined ? ID_BLOCK : 0), MAX_ID + 1)
    const manifest = { ...changed, nextId }
    await replaceFile(
      this.environment,
      manifestPath(this.path),
      encodeManifest(manifest, this.environment.random.uint32()),
    )
    this.#manifest = manifest
    this.#reservedId = manifest.nextId
  }

  /** Removes what a writer that died left half-done beside the manifest. Only the one writer calls it. */
  async cleanTemporaries(): Promise<void> {
    // Not `listOf`: the store's own directory may be a symbolic link, that is for its owner to choose.
    for (const name of await this.environment.files.list(this.path)) {
      if (name.startsWith('MANIFEST.') && isTemporaryName(name))
        await this.environment.files.unlink(joinPath(this.path, name))
    }
  }

  /** Waits for updates under way and gives up the lock. Idempotent. */
  async close(): Promise<void> {
    await this.#updates
    this.#writing = false
    const lock = this.#lock
    this.#lock = undefined
    await lock?.release()
  }
}

function closedError(path: string): HoldfastError {
  return new HoldfastError('CLOSED', 'the store directory is not open for writing', { path })
}

function manifestPath(root: string): string {
  return joinPath(root, 'MANIFEST')
}

function manifestCorrupt(root: string, what: string): HoldfastError {
  return new HoldfastError('MANIFEST_CORRUPT', `the manifest cannot be used: ${what}`, {
    path: manifestPath(root),
  })
}

/** `undefined` only where there is no such file. */
export async function readManifest(environment: Environment, root: string): Promise<Manifest | undefined> {
  const path = manifestPath(root)
  let bytes: Buffer
  try {
    const file = await environment.files.open(path, 'read')
    try {
      const size = await file.size()
      if (size > MAX_PAYLOAD_BYTES) {
        throw manifestCorrupt(root, `it has ${size} bytes, more than a frame can hold`)
      }
      bytes = Buffer.alloc(size)
      bytes = bytes.subarray(0, await readAll(file, bytes, 0))
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined
    throw ioError(cause, { doing: 'read the manifest', path })
  }
  return decodeManifest(bytes, path)
}

/** Whatever else their names are: a segment that somebody renamed may hold all that is left. */
async function refuseFilesWithoutManifest(environment: Environment, root: string): Promise<void> {
  const segments = (await listOf(environment, joinPath(root, 'wal'))).filter((name) => name.endsWith('.wal'))
  const snapshots = (await listOf(environment, joinPath(root, 'snapshots'))).filter((name) =>
    name.endsWith('.snap'),
  )
  if (segments.length + snapshots.length === 0) return
  throw new HoldfastError(
    'MANIFEST_MISSING',
    `there are ${segments.length} segments and ${snapshots.length} snapshots here, and no manifest`,
    {
      path: manifestPath(root),
      details: { segments: segments.length, snapshots: snapshots.length },
    },
  )
}

/** The names in a directory of the store; none where it isn't there. Throws `NOT_A_FILE` for what only leads to one. */
export async function listOf(environment: Environment, path: string): Promise<string[]> {
  try {
    const stat = await environment.files.stat(path)
    if (stat === undefined) return []
    if (stat.type !== 'directory') {
      throw new HoldfastError(
        'NOT_A_FILE',
        'a directory of the store belongs here, and something else stands here',
        { path },
      )
    }
    return await environment.files.list(path)
  } catch (cause) {
    throw ioError(cause, { doing: 'list the directory', path })
  }
}
