import {
  type File,
  type FileStat,
  type FileSystem,
  HoldfastError,
  type OpenMode,
} from '@holdfast/environment'
import { errnoError } from './faults.ts'
import { MemoryFile, type MemoryFileContent } from './memory-file.ts'

type Directory = Map<string, Directory | MemoryFileContent>

/**
 * A file system in memory, for tests that open a store tens of thousands of times. Everything is durable at
 * once, so it says nothing about power cuts.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #root: Directory

  constructor() {
    this.#root = new Map()
  }

  /** All files by path, each a copy of its bytes. */
  snapshot(): Map<string, Buffer> {
    const files = new Map<string, Buffer>()
    const visit = (directory: Directory, path: string): void => {
      for (const [name, node] of directory) {
        if (node instanceof Map) visit(node, `${path}/${name}`)
        else files.set(`${path}/${name}`, Buffer.from(node.bytes.subarray(0, node.size)))
      }
    }
    visit(this.#root, '')
    return files
  }

  /** Makes a file with these bytes, and the directories above it; or replaces the bytes of one that is there. */
  put(path: string, bytes: Uint8Array): void {
    const names = namesOf(path)
    const name = names.pop() as string
    let directory = this.#root
    for (const part of names) {
      let next = directory.get(part)
      if (next === undefined) directory.set(part, (next = new Map()))
      if (!(next instanceof Map)) throw errnoError('ENOTDIR', { call: 'put', path })
      directory = next
    }
    const content = { bytes: Buffer.from(bytes), size: bytes.length }
    const old = directory.get(name)
    // Whoever has it open sees the change.
    if (old === undefined || old instanceof Map) directory.set(name, content)
    else Object.assign(old, content)
  }

  /** A file system with these files. */
  static of(files: ReadonlyMap<string, Uint8Array>): MemoryFileSystem {
    const made = new MemoryFileSystem()
    for (const [path, bytes] of files) made.put(path, bytes)
    return made
  }

  async open(path: string, mode: OpenMode): Promise<File> {
    const { parent, name, node } = this.#find(path, 'open')
    if (mode === 'create') {
      if (node !== undefined) throw errnoError('EEXIST', { call: 'open', path })
      const content: MemoryFileContent = { bytes: Buffer.alloc(0), size: 0 }
      parent.set(name, content)
      return new MemoryFile(content, path, true)
    }
    if (node === undefined) throw errnoError('ENOENT', { call: 'open', path })
    if (node instanceof Map)
      throw new HoldfastError('NOT_A_FILE', 'a directory stands in place of a file', { path })
    return new MemoryFile(node, path, mode === 'write')
  }

  async list(path: string): Promise<string[]> {
    const { node } = this.#find(path, 'list')
    if (node === undefined) throw errnoError('ENOENT', { call: 'list', path })
    if (!(node instanceof Map)) throw errnoError('ENOTDIR', { call: 'list', path })
    return [...node.keys()]
  }

  async stat(path: string): Promise<FileStat | undefined> {
    let node: Directory | MemoryFileContent | undefined
    try {
      node = this.#find(path, 'stat').node
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    if (node === undefined) return undefined
    return node instanceof Map ? { type: 'directory', bytes: 0 } : { type: 'file', bytes: node.size }
  }

  async makeDirectory(path: string): Promise<boolean> {
    const { parent, name, node } = this.#find(path, 'makeDirectory')
    if (node instanceof Map) return false
    if (node !== undefined)
      throw new HoldfastError('NOT_A_FILE', 'a file stands in place of a directory', { path })
    parent.set(name, new Map())
    return true
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#find(from, 'rename')
    const target = this.#find(to, 'rename')
    if (source.node === undefined) throw errnoError('ENOENT', { call: 'rename', path: from })
    source.parent.delete(source.name)
    target.parent.set(target.name, source.node)
  }

  async unlink(path: string): Promise<void> {
    const { parent, name, node } = this.#find(path, 'unlink')
    if (node === undefined) throw errnoError('ENOENT', { call: 'unlink', path })
    if (node instanceof Map) throw errnoError('EISDIR', { call: 'unlink', path })
    parent.delete(name)
  }

  async syncDirectory(path: string): Promise<void> {
    await this.list(path)
  }

  /** What stands at a path, and the directory that it stands in, which must be there. */
  #find(
    path: string,
    call: string,
  ): { parent: Directory; name: string; node: Directory | MemoryFileContent | undefined } {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) return { parent: new Map(), name: '', node: this.#root }
    let parent = this.#root
    for (const part of names) {
      const next = parent.get(part)
      if (next === undefined) throw errnoError('ENOENT', { call, path })
      if (!(next instanceof Map)) throw errnoError('ENOTDIR', { call, path })
      parent = next
    }
    return { parent, name, node: parent.get(name) }
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}
