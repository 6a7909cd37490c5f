import type { File } from '@holdfast/environment'
import { type CallName, type CallRecord, errnoError } from '../faults.ts'
import type { DiskFile } from './disk-file.ts'
import type { Call, SimulatedFileSystem } from './simulated-file-system.ts'

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
    return this.#call({ call: 'read', path: this.#path, position, bytes: into.length }, (limit) => ({
      finish: () => this.#file.read(limit === undefined ? into : into.subarray(0, limit), position),
    }))
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#write('write', bytes, position)
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<number> {
    return this.#write('writeThrough', bytes, position)
  }

  sync(): Promise<void> {
    return this.#call({ call: 'sync', path: this.#path }, () => {
      // What is written from here on is not for this one.
      const through = this.#files.disk.stamp
      return {
        lasts: true,
        finish: () => {
          this.#files.disk.touch()
          this.#own.sync(through)
        },
        fail: () => {
          this.#files.disk.touch()
          this.#own.failSync(through)
        },
      }
    })
  }

  truncate(bytes: number): Promise<void> {
    if (!this.#writable) return this.#refuse('truncate')
    return this.#call({ call: 'truncate', path: this.#path, bytes }, () => ({
      begin: () => this.#own.truncate(bytes, this.#files.disk.stamp),
      finish: () => {},
    }))
  }

  size(): Promise<number> {
    return this.#call({ call: 'size', path: this.#path }, () => ({ finish: () => this.#file.size }))
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
    await this.#files.call({ call: 'close', path: this.#path }, { finish }, { always: true })
  }

  #write(call: 'write' | 'writeThrough', bytes: Uint8Array, position: number): Promise<number> {
    if (!this.#writable) return this.#refuse(call)
    const record = { call, path: this.#path, position, bytes: bytes.length } as const
    return this.#call(record, (limit) => {
      const most = Math.min(limit ?? bytes.length, bytes.length)
      const room = this.#files.room(this.#id, position, most, record)
      const taken = room === bytes.length ? bytes : bytes.subarray(0, room)
      const write = (): void => this.#own.write(taken, position, this.#files.disk.stamp)
      if (call === 'write') return { begin: write, finish: () => taken.length }
      return {
        begin: write,
        lasts: true,
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
          this.#own.failSync(this.#files.disk.stamp, position, taken.length)
        },
      }
    })
  }

  get #file(): DiskFile {
    return this.#files.disk.file(this.#id)
  }

  get #own(): DiskFile {
    return this.#files.disk.ownFile(this.#id)
  }

  #refuse(call: CallName): Promise<never> {
    return Promise.reject(errnoError('EBADF', { call, path: this.#path }))
  }

  /** Refuses what comes after `close`, and lets `close` wait for what came before. */
  #call<T>(record: CallRecord, call: (limit: number | undefined) => Call<T>): Promise<T> {
    if (this.#closed) return this.#refuse(record.call)
    this.#underWay += 1
    return this.#files.call(record, call, { settled: this.#settled })
  }

  readonly #settled: () => void = () => {
    this.#underWay -= 1
    if (this.#underWay === 0) this.#drained?.()
  }
}
