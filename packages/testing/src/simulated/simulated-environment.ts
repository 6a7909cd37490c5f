import type { Clock, Environment, Random, Timers } from '@holdfast/environment'
import { InProcessWorkers } from '../in-process-workers.ts'
import { SeededRandom } from '../seeded-random.ts'
import { SimulatedDisk } from './disk.ts'
import { type OperationWatch, SimulatedFileSystem } from './simulated-file-system.ts'
import { SimulatedLocks } from './simulated-locks.ts'
import { Simulation } from './simulation.ts'
import { type Survival, survivalNamed } from './survival.ts'

/** What can be chosen about a simulated environment. */
export interface SimulatedEnvironmentOptions {
  /** Everything that is left to chance hangs on it: random bytes, order, how long things take. Default 1. */
  readonly seed?: number
  /** The disk that it starts on. It is changed: pass a `fork()` to keep it. Default: an empty one. */
  readonly disk?: SimulatedDisk
  /** What fits on the disk. Default: anything. */
  readonly capacityBytes?: number
  /** A sync of a directory that fails drops the dirty marks of its names: see `FileSystemOptions`. Default: false. */
  readonly losesNames?: boolean
  /** The wall clock at the start, in milliseconds since 1970. Default: the beginning of 2026. */
  readonly startMs?: number
  /** Looks at every operation of the file system, and may stop the world there. */
  readonly watch?: OperationWatch
}

/**
 * A whole environment in memory: a process on a machine of its own, to be killed and cut off the power.
 * The same seed gives the same run.
 *
 * ```ts
 * const environment = new SimulatedEnvironment({ seed: 1 })
 * const wal = await Wal.open('/store', { environment })
 * await wal.append(record)
 * const disk = environment.cutPower('nothing') // nothing that it waits for comes any more
 * const again = await Wal.open('/store', { environment: new SimulatedEnvironment({ seed: 2, disk }) })
 * ```
 */
export class SimulatedEnvironment implements Environment {
  readonly files: SimulatedFileSystem
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly locks: SimulatedLocks
  readonly workers: InProcessWorkers = new InProcessWorkers()
  /** The time and the order of things. */
  readonly simulation: Simulation

  constructor(options: SimulatedEnvironmentOptions = {}) {
    const { seed = 1, disk = new SimulatedDisk(), startMs = Date.UTC(2026, 0, 1) } = options
    this.simulation = new Simulation(new SeededRandom(seed ^ 0x5eed), startMs)
    this.clock = this.simulation
    this.timers = this.simulation
    this.random = new SeededRandom(seed)
    this.files = new SimulatedFileSystem(disk, this.simulation, options)
    this.locks = new SimulatedLocks(this.files, this.simulation)
  }

  /** The disk as the system shows it now. */
  get disk(): SimulatedDisk {
    return this.files.disk
  }

  /** The process is gone: no call returns any more, no timer fires. What it wrote is on `disk`. */
  stop(): void {
    this.simulation.stop()
  }

  /** The process is gone, and the system lives on: the disk with everything that was written, synced or not. */
  kill(): SimulatedDisk {
    this.stop()
    return this.disk.fork()
  }

  /**
   * The power is gone: the disk as it may look once it is back. What is synced is there; what of the rest is, the
   * survival says, by its name too: see `survivalNamed`. Can be asked again, for another survival of the same cut.
   */
  cutPower(survival: Survival | string = 'nothing'): SimulatedDisk {
    this.stop()
    return this.disk.afterPowerCut(typeof survival === 'string' ? survivalNamed(survival) : survival)
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.simulation.advance(ms)
  }

  /** Moves the wall clock alone, either way. */
  jumpClock(ms: number): void {
    this.simulation.jump(ms)
  }
}
