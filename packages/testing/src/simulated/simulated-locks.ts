import { type DirectoryLock, ioError, LockedError, type LockHolder, type Locks } from '@holdfast/environment'
import type { SimulatedFileSystem } from './simulated-file-system.ts'
import type { Simulation } from './simulation.ts'

/** Locks as the kernel gives them: gone with the process, that is with the environment. */
export class SimulatedLocks implements Locks {
  readonly #files: SimulatedFileSystem
  readonly #simulation: Simulation
  readonly #held: Map<string, LockHolder> = new Map()

  constructor(files: SimulatedFileSystem, simulation: Simulation) {
    this.#files = files
    this.#simulation = simulation
  }

  async acquire(path: string): Promise<DirectoryLock> {
    try {
      return await this.#take(path)
    } catch (cause) {
      throw cause instanceof LockedError ? cause : ioError(cause, { doing: 'open the lock file', path })
    }
  }

  #take(path: string): Promise<DirectoryLock> {
    const { disk } = this.#files
    return this.#files.call(
      { call: 'open', path, mode: 'create' },
      {
        begin: () => {
          if (disk.find('open', path) === undefined) disk.createFile(path)
        },
        finish: () => {
          const holder = this.#held.get(path)
          if (holder !== undefined) throw new LockedError(holder, { path })
          const mine: LockHolder = {
            pid: process.pid,
            host: 'simulated',
            since: new Date(this.#simulation.now()).toISOString(),
          }
          this.#held.set(path, mine)
          return {
            release: async () => {
              if (this.#held.get(path) === mine) this.#held.delete(path)
            },
          }
        },
      },
    )
  }
}
