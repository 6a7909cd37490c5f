import {
  type Environment,
  type File,
  type FileSystem,
  HoldfastError,
  type WorkerOptions,
  type Workers,
  type WorkerTask,
} from '@holdfast/environment'

/** How the next worker comes to grief. */
export interface WorkerFault {
  /** `dies`: it is gone. `hangs`: it gives no sign of life any more. */
  readonly how: 'dies' | 'hangs'
  /** Behind so many calls of its file system. */
  readonly afterCalls: number
}

/**
 * Workers that are no threads: a task runs in the environment of whoever asks, so that it is simulated with all the
 * rest. It gets a copy of its job, and can be made to die or to hang in the middle.
 */
export class InProcessWorkers implements Workers {
  /** Modules that are there without being imported: importing takes turns of the real event loop. By their URLs. */
  readonly modules: Map<string, Readonly<Record<string, unknown>>> = new Map()
  /** For the next task alone. */
  fault: WorkerFault | undefined
  /** Tasks that were begun. */
  started = 0

  load(module: URL): Promise<Readonly<Record<string, unknown>>> {
    const there = this.modules.get(module.href)
    if (there !== undefined) return Promise.resolve(there)
    return import(module.href) as Promise<Readonly<Record<string, unknown>>>
  }

  run(task: WorkerTask, job: unknown, { silentMs, environment }: WorkerOptions): Promise<unknown> {
    const { fault } = this
    this.fault = undefined
    this.started += 1
    const files = new MortalFileSystem(environment.files, fault?.afterCalls ?? Infinity)
    return new Promise((resolve, reject) => {
      const fail = (how: string): void => {
        silence.cancel()
        void files.end().then(() => reject(new HoldfastError('WORKER_FAILED', `the worker thread ${how}`)))
      }
      const silent = (): void => fail(`gave no sign of life for ${silentMs} ms`)
      let silence = environment.timers.after(silentMs, silent, { keepAlive: true })
      const alive = (): void => {
        if (files.isDead) return
        silence.cancel()
        silence = environment.timers.after(silentMs, silent, { keepAlive: true })
      }
      if (fault?.how === 'dies') files.onDeath = () => fail('ended without a result')
      const context = { environment: { ...partsOf(environment), files }, alive }
      task
        .run(structuredClone(job), context)
        .finally(() => silence.cancel())
        .then((result) => resolve(structuredClone(result)), reject)
    })
  }
}

/** An environment may be an instance of a class: what it has is not all its own. */
function partsOf({ clock, random, timers, locks, workers }: Environment): Omit<Environment, 'files'> {
  return { clock, random, timers, locks, workers }
}

/** Files of a thread: behind so many calls none returns any more. */
class MortalFileSystem implements FileSystem {
  readonly #files: FileSystem
  readonly #open: Set<File> = new Set()
  readonly #underWay: Set<Promise<unknown>> = new Set()
  #callsLeft: number
  isDead = false
  onDeath: () => void = () => {}

  constructor(files: FileSystem, calls: number) {
    this.#files = files
    this.#callsLeft = calls
  }

  /** As with a thread: what is under way ends, and the system takes the descriptors back. */
  async end(): Promise<void> {
    this.isDead = true
    await Promise.allSettled(this.#underWay)
    for (const file of this.#open) await file.close().catch(() => {})
  }

  async open(...args: Parameters<FileSystem['open']>): Promise<File> {
    return this.#call(async () => {
      const file = await this.#files.open(...args)
      this.#open.add(file)
      return this.#mortal(file)
    })
  }

  list(path: string): Promise<string[]> {
    return this.#call(() => this.#files.list(path))
  }

  stat(path: string): ReturnType<FileSystem['stat']> {
    return this.#call(() => this.#files.stat(path))
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.#call(() => this.#files.makeDirectory(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => this.#files.rename(from, to))
  }

  unlink(path: string): Promise<void> {
    return this.#call(() => this.#files.unlink(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call(() => this.#files.syncDirectory(path))
  }

  #mortal(file: File): File {
    return {
      read: (into, position) => this.#call(() => file.read(into, position)),
      write: (bytes, position) => this.#call(() => file.write(bytes, position)),
      writeThrough: (bytes, position) => this.#call(() => file.writeThrough(bytes, position)),
      sync: () => this.#call(() => file.sync()),
      truncate: (bytes) => this.#call(() => file.truncate(bytes)),
      size: () => this.#call(() => file.size()),
      close: () =>
        this.#call(() => {
          this.#open.delete(file)
          return file.close()
        }),
    }
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    if (this.isDead) return new Promise(() => {})
    if (this.#callsLeft-- === 0) {
      this.isDead = true
      this.onDeath()
      return new Promise(() => {})
    }
    return new Promise((resolve, reject) => {
      const underWay = call().then(
        (result) => {
          this.#underWay.delete(underWay)
          if (!this.isDead) resolve(result)
        },
        (error: unknown) => {
          this.#underWay.delete(underWay)
          if (!this.isDead) reject(error)
        },
      )
      this.#underWay.add(underWay)
    })
  }
}
