import { HoldfastError } from '@holdfast/environment'
import { errnoError } from '../faults.ts'
import { DiskFile } from './disk-file.ts'
import { applyTo, type NameChange } from './name-change.ts'
import { namesOf } from './path-names.ts'
import type { Survival } from './survival.ts'

/** A directory: its names as they are seen, and as they are durable. Shared between disks: never changed in place. */
interface Directory {
  readonly names: ReadonlyMap<string, number>
  readonly durable: ReadonlyMap<string, number>
}

const ROOT = 1
/** Files that nothing leads to are forgotten once there are so many files. */
const SWEEP_FILES = 32

/**
 * A disk with the cache of the system in front of it. What it promises is what the calls of the `FileSystem`
 * promise, and no more:
 *
 *   - data (by sector), the size of a file and names in directories are durable once they were synced;
 *   - a power cut leaves any part of the rest: `afterPowerCut`;
 *   - what a process wrote survives the process: a kill leaves `fork()`.
 *
 * `fork` costs a microsecond, so every operation of a run can leave a disk behind.
 */
export class SimulatedDisk {
  #files: Map<number, DiskFile> = new Map()
  #directories: Map<number, Directory> = new Map([[ROOT, { names: new Map(), durable: new Map() }]])
  #nameChanges: readonly NameChange[] = []
  /** Files that no other disk shares. */
  #owned: Set<number> = new Set()
  #nextId: number = ROOT + 1
  #stamp = 0
  /** Counts changes, of the cache and of what is durable. */
  version = 0

  /** A disk with the same content, cache and all. Each goes its own way from here. */
  fork(): SimulatedDisk {
    const disk = new SimulatedDisk()
    disk.#files = new Map(this.#files)
    disk.#directories = new Map(this.#directories)
    disk.#nameChanges = this.#nameChanges
    disk.#nextId = this.#nextId
    disk.#stamp = this.#stamp
    disk.version = this.version
    this.#owned = new Set()
    return disk
  }

  /** A disk as this one looks once the power is back. Everything on it is durable. */
  afterPowerCut(survival: Survival): SimulatedDisk {
    const [oldest, newest] = this.#stampRange()
    survival.begin?.(oldest, newest)
    const disk = new SimulatedDisk()
    disk.#nextId = this.#nextId
    disk.#stamp = this.#stamp
    const directories = new Map([...this.#directories].map(([id, { durable }]) => [id, new Map(durable)]))
    for (const change of this.#nameChanges) {
      if (survival.survives({ what: 'name', stamp: change.stamp })) applyTo(directories, change)
    }
    const reach = (id: number): void => {
      const names = directories.get(id)
      if (names === undefined) {
        const file = this.#files.get(id) as DiskFile
        disk.#files.set(id, file.afterPowerCut(survival))
        return
      }
      disk.#directories.set(id, { names, durable: names })
      for (const child of names.values()) reach(child)
    }
    reach(ROOT)
    return disk
  }

  /** Counts an operation that changes something: what is done from here on bears its stamp. */
  stampOperation(): void {
    this.#stamp += 1
    this.version += 1
  }

  /** Says that the content changed, without an operation of its own. */
  touch(): void {
    this.version += 1
  }

  /** The file of an id, to be read. */
  file(id: number): DiskFile {
    return this.#files.get(id) as DiskFile
  }

  /** The file of an id, to be changed: this disk's own from here on. */
  ownFile(id: number): DiskFile {
    let file = this.#files.get(id) as DiskFile
    if (!this.#owned.has(id)) {
      file = file.clone()
      this.#files.set(id, file)
      this.#owned.add(id)
    }
    return file
  }

  get stamp(): number {
    return this.#stamp
  }

  /** Bytes that the files take, those that have no name any more and are still open included. */
  get usedBytes(): number {
    let bytes = 0
    for (const file of this.#files.values()) bytes += file.allocatedBytes
    return bytes
  }

  /** What a path leads to; `undefined` where nothing does. Throws `ENOTDIR` for a path through a file. */
  find(call: string, path: string): { readonly id: number; readonly isDirectory: boolean } | undefined {
    let id: number | undefined = ROOT
    for (const name of namesOf(path)) {
      const directory = this.#directories.get(id)
      if (directory === undefined) throw errnoError('ENOTDIR', { call, path })
      id = directory.names.get(name)
      if (id === undefined) return undefined
    }
    return { id, isDirectory: this.#directories.has(id) }
  }

  list(call: string, path: string): string[] {
    return [...this.#directory(call, path).names.keys()]
  }

  createFile(path: string): number {
    const file = new DiskFile(this.#nextId++)
    this.#add('open', path, file.id)
    this.#files.set(file.id, file)
    this.#owned.add(file.id)
    return file.id
  }

  createDirectory(path: string): void {
    const id = this.#nextId++
    this.#add('makeDirectory', path, id)
    this.#directories.set(id, { names: new Map(), durable: new Map() })
  }

  rename(from: string, to: string): void {
    const source = this.#parent('rename', from)
    const target = this.#parent('rename', to)
    const id = this.#directories.get(source.directory)?.names.get(source.name)
    if (id === undefined) throw errnoError('ENOENT', { call: 'rename', path: from })
    const replaced = this.#directories.get(target.directory)?.names.get(target.name)
    if (replaced !== undefined && this.#directories.has(replaced))
      throw errnoError('EISDIR', { call: 'rename', path: to })
    if (replaced === id) return
    this.#change({
      stamp: this.#stamp,
      removed: [{ ...source, id }],
      added: { ...target, id },
      unsynced: [...new Set([source.directory, target.directory])],
      lost: [],
    })
  }

  unlink(path: string): void {
    const { directory, name } = this.#parent('unlink', path)
    const id = this.#directories.get(directory)?.names.get(name)
    if (id === undefined) throw errnoError('ENOENT', { call: 'unlink', path })
    if (this.#directories.has(id)) throw errnoError('EISDIR', { call: 'unlink', path })
    this.#change({
      stamp: this.#stamp,
      removed: [{ directory, name, id }],
      added: undefined,
      unsynced: [directory],
      lost: [],
    })
  }

  /**
   * Makes the names in a directory durable that were there by then. `openFiles` are kept, whether a name leads
   * to them or not.
   */
  syncDirectory(path: string, openFiles: Iterable<number>, through: number = this.#stamp): void {
    const found = this.find('syncDirectory', path)
    this.#directory('syncDirectory', path)
    const durable = new Map([...this.#directories].map(([id, directory]) => [id, directory.durable]))
    const written = new Map<number, Map<string, number>>()
    const writable = {
      get: (id: number): Map<string, number> | undefined => {
        let names = written.get(id)
        if (names === undefined) written.set(id, (names = new Map(durable.get(id))))
        return names
      },
    }
    const rest: NameChange[] = []
    for (const change of this.#nameChanges) {
      const isWritten = change.stamp <= through && !change.lost.includes(found?.id as number)
      const unsynced = isWritten ? change.unsynced.filter((id) => id !== found?.id) : change.unsynced
      if (unsynced.length === 0) applyTo(writable, change)
      else rest.push({ ...change, unsynced })
    }
    this.#nameChanges = rest
    for (const [id, names] of written) {
      const directory = this.#directories.get(id)
      if (directory !== undefined) this.#directories.set(id, { names: directory.names, durable: names })
    }
    this.version += 1
    if (this.#files.size > SWEEP_FILES) this.#sweep(openFiles)
  }

  /**
   * A sync of a directory that failed: as with a file, what was dirty may be on the disk or not and counts as
   * clean. The next change of a name in it makes all of it dirty again.
   */
  failSyncDirectory(path: string, through: number): void {
    const id = this.find('syncDirectory', path)?.id
    this.#nameChanges = this.#nameChanges.map((change) =>
      id !== undefined && change.stamp <= through && change.unsynced.includes(id) && !change.lost.includes(id)
        ? { ...change, lost: [...change.lost, id] }
        : change,
    )
    this.version += 1
  }

  /** A power cut would take nothing. */
  get isDurable(): boolean {
    if (this.#nameChanges.length > 0) return false
    for (const file of this.#files.values()) if (!file.isDurable) return false
    return true
  }

  /** Whether the cache shows bytes that a failed sync left as clean. */
  get hasLost(): boolean {
    for (const file of this.#files.values()) if (file.hasLost) return true
    return false
  }

  /** The cache forgets them: reading finds what is on the disk. */
  evictLost(survival: Survival): void {
    survival.begin?.(...this.#stampRange())
    for (const [id, file] of this.#files) if (file.hasLost) this.ownFile(id).evict(survival)
    this.version += 1
  }

  /** Every file by its path, in the order of the paths. */
  paths(): string[] {
    const paths: string[] = []
    const walk = (id: number, path: string): void => {
      const directory = this.#directories.get(id)
      if (directory === undefined) paths.push(path)
      else for (const [name, child] of directory.names) walk(child, `${path}/${name}`)
    }
    walk(ROOT, '')
    return paths.sort()
  }

  /**
   * The same for disks that show the same files with the same bytes, as far as they share them: forks of one
   * disk, and what power cuts left of them. Where it is the same, a program finds the same.
   */
  get fingerprint(): string {
    return this.paths()
      .map((path) => `${path} ${this.file(this.#existing(path)).fingerprint}`)
      .join('\n')
  }

  /** The bytes of a file, as the cache shows them. */
  contentOf(path: string): Buffer {
    const file = this.file(this.#existing(path))
    const bytes = Buffer.alloc(file.size)
    file.read(bytes, 0)
    return bytes
  }

  /** Changes what stands in a file, durably and as no program does: the disk itself is damaged. */
  damage(path: string, change: (bytes: Buffer) => Uint8Array): void {
    this.ownFile(this.#existing(path)).replace(change(this.contentOf(path)))
    this.version += 1
  }

  /** Takes the name of a file away, durably. For a disk on which everything is durable. */
  forget(path: string): void {
    const { directory, name } = this.#parent('unlink', path)
    const { names, durable } = this.#directories.get(directory) as Directory
    const without = (from: ReadonlyMap<string, number>): ReadonlyMap<string, number> =>
      new Map([...from].filter(([other]) => other !== name))
    this.#directories.set(directory, { names: without(names), durable: without(durable) })
    this.version += 1
  }

  #existing(path: string): number {
    const found = this.find('open', path)
    if (found === undefined || found.isDirectory) throw errnoError('ENOENT', { call: 'open', path })
    return found.id
  }

  #stampRange(): [number, number] {
    let oldest = Number.POSITIVE_INFINITY
    let newest = 0
    const take = (stamp: number): void => {
      if (stamp < oldest) oldest = stamp
      if (stamp > newest) newest = stamp
    }
    for (const change of this.#nameChanges) take(change.stamp)
    for (const file of this.#files.values()) for (const stamp of file.stamps()) take(stamp)
    return newest === 0 ? [0, 0] : [oldest, newest]
  }

  #directory(call: string, path: string): Directory {
    const found = this.find(call, path)
    if (found === undefined) throw errnoError('ENOENT', { call, path })
    const directory = this.#directories.get(found.id)
    if (directory === undefined) throw errnoError('ENOTDIR', { call, path })
    return directory
  }

  #parent(call: string, path: string): { directory: number; name: string } {
    const names = namesOf(path)
    const name = names.at(-1)
    if (name === undefined) throw errnoError('EBUSY', { call, path })
    let directory: number | undefined = ROOT
    for (let depth = 0; depth < names.length - 1 && directory !== undefined; depth += 1)
      directory = this.#directories.get(directory)?.names.get(names[depth] as string)
    if (directory === undefined) throw errnoError('ENOENT', { call, path })
    if (!this.#directories.has(directory)) throw errnoError('ENOTDIR', { call, path })
    return { directory, name }
  }

  #add(call: string, path: string, id: number): void {
    const { directory, name } = this.#parent(call, path)
    if (this.#directories.get(directory)?.names.has(name)) throw errnoError('EEXIST', { call, path })
    this.#change({
      stamp: this.#stamp,
      removed: [],
      added: { directory, name, id },
      unsynced: [directory],
      lost: [],
    })
  }

  #change(change: NameChange): void {
    const names = new Map<number, Map<string, number>>()
    for (const { directory } of [...change.removed, ...(change.added ? [change.added] : [])])
      names.set(directory, new Map(this.#directories.get(directory)?.names))
    applyTo(names, change)
    for (const [id, changed] of names)
      this.#directories.set(id, { names: changed, durable: this.#directories.get(id)?.durable ?? new Map() })
    const again = this.#nameChanges.map((other) =>
      other.lost.some((id) => change.unsynced.includes(id))
        ? { ...other, lost: other.lost.filter((id) => !change.unsynced.includes(id)) }
        : other,
    )
    this.#nameChanges = [...again, change]
  }

  /** Forgets what neither a name, nor one that a power cut may bring back, nor an open file leads to. */
  #sweep(openFiles: Iterable<number>): void {
    const kept = new Set(openFiles)
    for (const { names, durable } of this.#directories.values()) {
      for (const id of names.values()) kept.add(id)
      for (const id of durable.values()) kept.add(id)
    }
    for (const { added } of this.#nameChanges) if (added !== undefined) kept.add(added.id)
    for (const id of this.#files.keys()) if (!kept.has(id)) this.#files.delete(id)
  }
}

/** What stands where a file was expected. */
export function notAFile(path: string): HoldfastError {
  return new HoldfastError('NOT_A_FILE', 'a directory stands where a regular file belongs', { path })
}
