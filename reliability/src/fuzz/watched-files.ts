import type { File, FileStat, FileSystem, OpenMode } from '@holdfast/environment'
import { MemoryFileSystem } from '@holdfast/testing/environment'
import { Broken } from './target.ts'

/** Files in memory that say whether anything was done to them that changes a byte or a name. */
export class WatchedFiles implements FileSystem {
  readonly memory: MemoryFileSystem
  /** Every call that changed something, in words. */
  readonly changes: string[] = []
  openFiles = 0

  /** Throws unless nothing at all was done to the files. */
  assertUntouched(by: string): void {
    if (this.changes.length > 0) throw new Broken(`${by} changed something: ${this.changes.join(', ')}`)
  }

  /** Runs it, and throws where it leaves a file open, however it ended. */
  async closing<T>(run: () => Promise<T>): Promise<T> {
    const [ended] = await Promise.allSettled([run()])
    if (this.openFiles !== 0) throw new Broken(`${this.openFiles} files were left open`)
    if (ended.status === 'rejected') throw ended.reason
    return ended.value
  }

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.memory = MemoryFileSystem.of(files)
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    const file = await this.memory.open(path, mode)
    if (mode === 'create') this.changes.push(`made ${path}`)
    this.openFiles += 1
    return new WatchedFile(file, path, this)
  }

  list(path: string): Promise<string[]> {
    return this.memory.list(path)
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.memory.stat(path)
  }

  async makeDirectory(path: string): Promise<boolean> {
    const made = await this.memory.makeDirectory(path)
    if (made) this.changes.push(`made ${path}`)
    return made
  }

  rename(from: string, to: string): Promise<void> {
    this.changes.push(`renamed ${from} to ${to}`)
    return this.memory.rename(from, to)
  }

  unlink(path: string): Promise<void> {
    this.changes.push(`removed ${path}`)
    return this.memory.unlink(path)
  }

  syncDirectory(path: string): Promise<void> {
    return this.memory.syncDirectory(path)
  }
}

class WatchedFile implements File {
  readonly #file: File
  readonly #path: string
  readonly #watch: WatchedFiles
  #open = true

  constructor(file: File, path: string, watch: WatchedFiles) {
    this.#file = file
    this.#path = path
    this.#watch = watch
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#file.read(into, position)
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    this.#watch.changes.push(`wrote to ${this.#path}`)
    return this.#file.write(bytes, position)
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<number> {
    this.#watch.changes.push(`wrote to ${this.#path}`)
    return this.#file.writeThrough(bytes, position)
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  truncate(bytes: number): Promise<void> {
    this.#watch.changes.push(`cut ${this.#path}`)
    return this.#file.truncate(bytes)
  }

  size(): Promise<number> {
    return this.#file.size()
  }

  close(): Promise<void> {
    if (this.#open) this.#watch.openFiles -= 1
    this.#open = false
    return this.#file.close()
  }
}
