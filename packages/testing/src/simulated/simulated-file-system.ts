import type { File, FileStat, FileSystem, OpenMode } from '@holdfast/environment'
import { type ActiveRule, type CallRecord, errnoError, type FaultRule, FaultRules } from '../faults.ts'
import { notAFile, type SimulatedDisk } from './disk.ts'
import { SimulatedFile } from './simulated-file.ts'
import type { Simulation } from './simulation.ts'

/** A file-system call that is about to be made. */
export interface SimulatedOperation extends CallRecord {
  /** Counted from 0 over the whole run, every call of the file system and its files. */
  readonly index: number
}

/** Looks at every operation. */
export interface OperationWatch {
  /** Nothing of it has happened yet. */
  before?(operation: SimulatedOperation): void
  /** It is under way: what it changes stands in the cache, nothing of it is durable. `'stop'` stops the world there. */
  during?(operation: SimulatedOperation): 'stop' | undefined
}

/** What a call does. */
export interface Call<T> {
  /** What stands in the cache once it is under way. */
  readonly begin?: () => void
  /** Others may come between its beginning and its return. Otherwise it is over at once. */
  readonly lasts?: boolean
  /** What has happened once it returns. */
  readonly finish: () => T
  /** In place of both where it fails with an errno: the traces that it leaves. */
  readonly fail?: (errno: string) => void
}

export interface FileSystemOptions {
  /**
   * A sync of a directory that fails drops the dirty marks, as one of a file does. File systems with a journal
   * don't: they keep it for the next sync, or take no more writes at all. Default: false.
   */
  readonly losesNames?: boolean
  readonly capacityBytes?: number
  readonly watch?: OperationWatch
}

export interface CallOptions {
  /** The call is made whatever the fault says. */
  readonly always?: boolean
  readonly settled?: () => void
}

interface Ending<T> {
  resolve(this: void, value: T): void
  reject(this: void, error: Error): void
}

function settle<T>(finish: () => T, { resolve, reject }: Ending<T>): void {
  let value: T
  try {
    value = finish()
  } catch (error) {
    reject(error as Error)
    return
  }
  resolve(value)
}

/** The file system of a `SimulatedEnvironment`, on a `SimulatedDisk`. */
export class SimulatedFileSystem implements FileSystem {
  readonly disk: SimulatedDisk
  /** What fits on the disk. Over it, writes come out short, and then fail with ENOSPC. */
  capacityBytes: number
  readonly #simulation: Simulation
  readonly #rules = new FaultRules()
  readonly #watch: OperationWatch | undefined
  readonly #losesNames: boolean
  readonly #open: Map<number, number> = new Map()
  #operations = 0

  constructor(disk: SimulatedDisk, simulation: Simulation, options: FileSystemOptions = {}) {
    this.disk = disk
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.#simulation = simulation
    this.#watch = options.watch
    this.#losesNames = options.losesNames ?? false
  }

  /** How many calls have been made. */
  get operations(): number {
    return this.#operations
  }

  /** How many files were opened and not closed again. */
  get openFiles(): number {
    let count = 0
    for (const descriptors of this.#open.values()) count += descriptors
    return count
  }

  /**
   * Makes calls go wrong; counting starts here. An `errno` on a sync drops the dirty marks: what was written
   * is in the cache and perhaps not on the disk, and no later sync writes it. So it is for a `writeThrough`,
   * unless the errno says that there is no room.
   */
  fail(rule: FaultRule): ActiveRule {
    return this.#rules.add(rule)
  }

  /** Takes all rules away. */
  clearRules(): void {
    this.#rules.clear()
  }

  open(path: string, mode: OpenMode): Promise<File> {
    let created: number | undefined
    return this.call(
      { call: 'open', path, mode },
      {
        begin: () => {
          if (mode === 'create') created = this.disk.createFile(path)
        },
        finish: () => {
          const id = created ?? this.#existing(path)
          this.#open.set(id, (this.#open.get(id) ?? 0) + 1)
          return new SimulatedFile(this, id, path, mode !== 'read')
        },
      },
    )
  }

  list(path: string): Promise<string[]> {
    return this.call({ call: 'list', path }, { finish: () => this.disk.list('list', path) })
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.call(
      { call: 'stat', path },
      {
        finish: () => {
          const found = this.disk.find('stat', path)
          if (found === undefined) return undefined
          return found.isDirectory
            ? { type: 'directory', bytes: 0 }
            : { type: 'file', bytes: this.disk.file(found.id).size }
        },
      },
    )
  }

  makeDirectory(path: string): Promise<boolean> {
    let made = false
    return this.call(
      { call: 'makeDirectory', path },
      {
        begin: () => {
          const found = this.disk.find('makeDirectory', path)
          if (found !== undefined && !found.isDirectory) throw notAFile(path)
          if (found !== undefined) return
          made = true
          this.disk.createDirectory(path)
        },
        finish: () => made,
      },
    )
  }

  rename(from: string, to: string): Promise<void> {
    return this.call(
      { call: 'rename', path: from, to },
      { begin: () => this.disk.rename(from, to), finish: () => {} },
    )
  }

  unlink(path: string): Promise<void> {
    return this.call({ call: 'unlink', path }, { begin: () => this.disk.unlink(path), finish: () => {} })
  }

  syncDirectory(path: string): Promise<void> {
    return this.call({ call: 'syncDirectory', path }, () => {
      const through = this.disk.stamp
      return {
        lasts: true,
        finish: () => this.disk.syncDirectory(path, this.#open.keys(), through),
        fail: () => {
          if (this.#losesNames) this.disk.failSyncDirectory(path, through)
        },
      }
    })
  }

  /** A descriptor was given back. */
  released(id: number): void {
    const left = (this.#open.get(id) ?? 1) - 1
    if (left === 0) this.#open.delete(id)
    else this.#open.set(id, left)
  }

  /** How many of so many bytes fit, where a file would grow to `size`. Throws ENOSPC where none do. */
  room(id: number, position: number, bytes: number, record: CallRecord): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return bytes
    const { size } = this.disk.file(id)
    const end = position + bytes
    if (end <= size) return bytes
    const free = this.capacityBytes - this.disk.usedBytes
    const fits = Math.min(end, Math.max(size, this.disk.file(id).allocatedBytes + Math.max(0, free)))
    if (fits <= position) throw errnoError('ENOSPC', record)
    return fits - position
  }

  /**
   * Makes a call when it is drawn, with whatever fault is due. Passed as a function, it is asked for when it
   * begins, and told how many bytes it may transfer. `settled` comes just before the promise settles.
   */
  call<T>(
    record: CallRecord,
    call: Call<T> | ((limit: number | undefined) => Call<T>),
    { always = false, settled }: CallOptions = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const end: Ending<T> = {
        resolve(value) {
          settled?.()
          resolve(value)
        },
        reject(error) {
          settled?.()
          reject(error)
        },
      }
      this.#simulation.enqueue(() => {
        const fault = this.#rules.due(record)
        if (fault !== undefined && 'hang' in fault) {
          const later = (): void =>
            this.#simulation.enqueue(() => this.#make(record, call, undefined, end, always))
          fault.hang.then(later, end.reject)
          return
        }
        this.#make(record, call, fault, end, always)
      })
    })
  }

  #make<T>(
    record: CallRecord,
    make: Call<T> | ((limit: number | undefined) => Call<T>),
    fault: ReturnType<FaultRules['due']>,
    end: Ending<T>,
    always: boolean,
  ): void {
    const operation = record as { -readonly [K in keyof SimulatedOperation]: SimulatedOperation[K] }
    operation.index = this.#operations++
    this.#watch?.before?.(operation)
    try {
      if (fault !== undefined && 'before' in fault) void fault.before()
      // It may have ended the world.
      if (this.#simulation.stopped) return
      const limit = fault !== undefined && 'shortBytes' in fault ? fault.shortBytes : undefined
      const call = typeof make === 'function' ? make(limit) : make
      const errno = fault !== undefined && 'errno' in fault ? fault.errno : undefined
      const isMade = always || fault === undefined || !('errno' in fault) || fault.made === true
      if (isMade && call.begin !== undefined) {
        this.disk.stampOperation()
        call.begin()
      }
      if (this.#watch?.during?.(operation) === 'stop') {
        this.#simulation.stop()
        return
      }
      const finish = (): T => {
        const value = isMade ? call.finish() : call.fail?.(errno as string)
        if (errno !== undefined) throw errnoError(errno, record)
        return value as T
      }
      if (call.lasts === true) this.#simulation.enqueue(() => settle(finish, end))
      else settle(finish, end)
    } catch (error) {
      end.reject(error as Error)
    }
  }

  #existing(path: string): number {
    const found = this.disk.find('open', path)
    if (found === undefined) throw errnoError('ENOENT', { call: 'open', path })
    if (found.isDirectory) throw notAFile(path)
    return found.id
  }
}
