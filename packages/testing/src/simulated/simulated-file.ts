import type { File } from '@holdfast/environment'
import { type CallName, errnoError } from '../faults.ts'
import type { DiskFile } from './disk-file.ts'
import type { SimulatedFileSystem } from './simulated-file-system.ts'

/** An open file of a `SimulatedFileSystem`. */
export class SimulatedFile implements File {
  readonly #files: SimulatedFileSystem
  readonly #id: number
  readonly #path: string
  readonly #writable: boolean
  #closed = false
  #underWay = 0
  #drained: (() => void) | undefined

  constructor(files: SimulatedFileSystem, id: number, path: string, writable: boolean) {
    this.#files = files
    this.#id = id
    this.#path = path
    this.#writable = writable
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#count('read', () =>
      this.#files.call({ call: 'read', path: this.#path, position, bytes: into.length }, (limit) => ({
        finish: () => this.#file.read(limit === undefined ? into : into.subarray(0, limit), position),
      })),
    )
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#write('write', bytes, position)
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<number> {
    return this.#write('writeThrough', bytes, position)
  }

  sync(): Promise<void> {
    return this.#count('sync', () =>
      this.#files.call(
        { call: 'sync', path: this.#path },
        {
          finish: () => {
            this.#files.disk.touch()
            this.#own.sync()
          },
          fail: () => {
            this.#files.disk.touch()
            this.#own.failSync()
          },
        },
      ),
    )
  }

  truncate(bytes: number): Promise<void> {
    return this.#count('truncate', () => {
      const record = { call: 'truncate', path: this.#path, bytes } as const
      this.#assertWritable('truncate')
      return this.#files.call(record, {
        begin: () => this.#own.truncate(bytes, this.#files.disk.stamp),
        finish: () => {},
      })
    })
  }

  size(): Promise<number> {
    return this.#count('size', () =>
      this.#files.call({ call: 'size', path: this.#path }, { finish: () => this.#file.size }),
    )
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    }
    const finish = (): void => this.#files.released(this.#id)
    await this.#files.call({ call: 'close', path: this.#path }, { finish }, true)
  }

  #write(call: 'write' | 'writeThrough', bytes: Uint8Array, position: number): Promise<number> {
    return this.#count(call, () => {
      this.#assertWritable(call)
      const record = { call, path: this.#path, position, bytes: bytes.length } as const
      return this.#files.call(record, (limit) => {
        const room = this.#files.room(
          this.#id,
          position,
          Math.min(limit ?? bytes.length, bytes.length),
          record,
        )
        const taken = room === bytes.length ? bytes : bytes.subarray(0, room)
        const write = (): void => this.#own.write(taken, position, this.#files.disk.stamp)
        if (call === 'write') return { begin: write, finish: () => taken.length }
        return {
          begin: write,
          finish: () => {
            this.#files.disk.touch()
            this.#own.finishWriteThrough(taken, position)
            return taken.length
          },
          fail: (errno) => {
            if (errno !== 'EIO') return
            // The bytes were taken, and the sync behind them failed.
            this.#files.disk.stampOperation()
            write()
            this.#own.failSync(position, taken.length)
          },
        }
      })
    })
  }

  get #file(): DiskFile {
    return this.#files.disk.file(this.#id)
  }

  get #own(): DiskFile {
    return this.#files.disk.ownFile(this.#id)
  }

  #assertWritable(call: CallName): void {
    if (!this.#writable) throw errnoError('EBADF', { call, path: this.#path })
  }

  /** Refuses what comes after `close`, and lets `close` wait for what came before. */
  async #count<T>(call: CallName, make: () => Promise<T>): Promise<T> {
    if (this.#closed) throw errnoError('EBADF', { call, path: this.#path })
    this.#underWay += 1
    try {
      return await make()
    } finally {
      this.#underWay -= 1
      if (this.#underWay === 0) this.#drained?.()
    }
  }
}
