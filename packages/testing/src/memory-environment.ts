import { type DirectoryLock, type Environment, HoldfastError, nodeEnvironment } from '@holdfast/environment'
import { InProcessWorkers } from './in-process-workers.ts'
import { ManualClock } from './manual-time.ts'
import { MemoryFileSystem } from './memory-file-system.ts'
import { SeededRandom } from './seeded-random.ts'

/**
 * An environment in memory: files, locks, and random numbers that come again with the same seed. The clock
 * stands still until it is told; timers are those of Node.js.
 */
export function memoryEnvironment(
  files: MemoryFileSystem = new MemoryFileSystem(),
  seed = 1,
): Environment & {
  readonly files: MemoryFileSystem
  readonly clock: ManualClock
  readonly workers: InProcessWorkers
} {
  const held = new Set<string>()
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    timers: nodeEnvironment.timers,
    workers: new InProcessWorkers(),
    locks: {
      async acquire(path): Promise<DirectoryLock> {
        if (held.has(path)) throw new HoldfastError('LOCKED', 'the lock is held in this process', { path })
        held.add(path)
        let mine = true
        return {
          async release() {
            if (mine) held.delete(path)
            mine = false
          },
        }
      },
    },
  }
}
