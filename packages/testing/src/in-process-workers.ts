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
  /** `dies`: it is gone. `hangs`: no call of it returns any more. */
  readonly how: 'dies' | 'hangs'
  /** Behind so many calls of its file system. */
  readonly afterCalls: number
}

/**
 * Workers that are no threads: a task runs in the environment of whoever asks, so that it is simulated with all the
 * rest. It gets a copy of its job, and can be made to die or to hang in the middle.
 */
export class InProcessWorkers implements Workers {
  /** Modules that are there without being imported, which takes turns of the real event loop. By their URLs. */
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

  run(task: WorkerTask, job: unknown, { silentMs, environment, signal }: WorkerOptions): Promise<unknown> {
    const { fault } = this
    this.fault = undefined
    this.started += 1
    return new Promise((resolve, reject) => {
      const end = (error: HoldfastError): void => {
        signal?.removeEventListener('abort', abort)
        void files.end().then(() => reject(error))
      }
      const fail = (how: string): void => end(new HoldfastError('WORKER_FAILED', `the worker thread ${how}`))
      const abort = (): void => {
        silence.cancel()
        end(new HoldfastError('ABORTED', 'the worker thread was ended', { cause: signal?.reason }))
      }
      const listen = () => {
        const silent = (): void => fail(`gave no sign of life for ${silentMs} ms`)
        return environment.timers.after(silentMs, silent, { keepAlive: true })
      }
      let silence = listen()
      const files = new MortalFileSystem(environment.files, {
        calls: fault?.afterCalls ?? Infinity,
        returned: () => {
          silence.cancel()
          silence = listen()
        },
        died: () => {
          if (fault?.how !== 'dies') return
          silence.cancel()
          fail('ended without a result')
        },
      })
      signal?.addEventListener('abort', abort)
      if (signal?.aborted === true) {
        abort()
        return
      }
      task
        .run(structuredClone(job), { ...partsOf(environment), files })
        .finally(() => {
          silence.cancel()
          signal?.removeEventListener('abort', abort)
        })
        .then((result) => resolve(structuredClone(result)), reject)
    })
  }
}

/** An environment may be an instance of a class: what it has is not all its own. */
function partsOf({ clock, random, timers, locks, workers }: Environment): Omit<Environment, 'files'> {
  return { clock, random, timers, locks, workers }
}

interface Life {
  /** So many calls are made; the next one does not return, nor any that was under way. */
  readonly calls: number
  readonly returned: () => void
  readonly died: () => void
}

/** The files of a thread, up to its end. */
class MortalFileSystem implements FileSystem {
  readonly #files: FileSystem
  readonly #life: Life
  readonly #open: Set<File> = new Set()
  readonly #underWay: Set<Promise<void>> = new Set()
  #calls = 0
  #isDead = false

  constructor(files: FileSystem, life: Life) {
    this.#files = files
    this.#life = life
  }

  /** As with a thread: what is under way ends, and the system takes the descriptors back. */
  async end(): Promise<void> {
    this.#isDead = true
    await Promise.all(this.#underWay)
    for (const file of this.#open) await file.close().catch(() => {})
  }

  open(...args: Parameters<FileSystem['open']>): Promise<File> {
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
    return new Promise((resolve, reject) => {
      if (this.#isDead) return
      if (this.#calls++ >= this.#life.calls) {
        this.#isDead = true
        this.#life.died()
        return
      }
      const settle = (settled: () => void): void => {
        this.#underWay.delete(underWay)
        if (this.#isDead) return
        this.#life.returned()
        settled()
      }
      const underWay = call().then(
        (result) => settle(() => resolve(result)),
        (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),
      )
      this.#underWay.add(underWay)
    })
  }
}
