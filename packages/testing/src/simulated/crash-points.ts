import { clearTimeout, setTimeout } from 'node:timers'
import { SimulatedDisk } from './disk.ts'
import { SimulatedEnvironment, type SimulatedEnvironmentOptions } from './simulated-environment.ts'
import type { OperationWatch, SimulatedOperation } from './simulated-file-system.ts'

/** A moment at which the world stopped: an operation is under way, and will not return. */
export interface CrashPoint<T> {
  readonly operation: SimulatedOperation
  /** What the workload had observed by then. */
  readonly observed: T
  /** The disk before the operation. */
  readonly before: SimulatedDisk
  /** The disk with the operation under way: what it changes may survive in part, as a whole, or not at all. */
  readonly during: SimulatedDisk
}

/** What is run, and stopped. */
export interface Workload<T> {
  run(environment: SimulatedEnvironment): Promise<unknown>
  /** What has been observed and has to hold after a crash: a value that changes no more. Asked at every operation. */
  observe(): T
}

/** What a run left. */
export interface RecordedRun<T> {
  readonly points: readonly CrashPoint<T>[]
  /** The disk at the end, and what was observed by then. */
  readonly end: { readonly disk: SimulatedDisk; readonly observed: T }
  /** Operations that were made. There are fewer points: where nothing has changed there is nothing new to find. */
  readonly operations: number
}

/** What can be chosen about the environment of a run. */
export type RunOptions = Omit<SimulatedEnvironmentOptions, 'watch'>

/** How long a run may wait for something outside of the simulation before it is said to hang. */
const STALLED_MS = 1000

/**
 * Runs a workload to its end, once, and gives every moment at which it could have been cut off. Each costs a
 * few microseconds. Rejects with what the workload rejects with, and when it waits for what never comes.
 */
export async function recordCrashPoints<T extends object>(
  workload: Workload<T>,
  options: RunOptions = {},
): Promise<RecordedRun<T>> {
  const { disk = new SimulatedDisk() } = options
  const points: CrashPoint<T>[] = []
  let latest = disk.fork()
  const fork = (): SimulatedDisk => {
    if (latest.version !== disk.version) latest = disk.fork()
    return latest
  }
  let before = latest
  const watch: OperationWatch = {
    before() {
      before = fork()
    },
    during(operation) {
      const during = fork()
      const observed = workload.observe()
      const last = points.at(-1)
      if (last?.during !== during || !same(last.observed, observed))
        points.push({ operation, observed, before, during })
      return undefined
    },
  }
  const environment = await simulate((simulated) => workload.run(simulated), { ...options, disk, watch })
  return {
    points,
    end: { disk: disk.fork(), observed: workload.observe() },
    operations: environment.files.operations,
  }
}

/** Runs a workload until its operation of this index (from 0) is under way, and stops the world there. */
export async function cutAt<T>(
  index: number,
  workload: Workload<T>,
  options: RunOptions = {},
): Promise<CrashPoint<T>> {
  const { disk = new SimulatedDisk() } = options
  let before = disk.fork()
  let point: CrashPoint<T> | undefined
  const watch: OperationWatch = {
    before(operation) {
      if (operation.index === index) before = disk.fork()
    },
    during(operation) {
      if (operation.index !== index) return undefined
      point = { operation, observed: workload.observe(), before, during: disk.fork() }
      return 'stop'
    },
  }
  const environment = await simulate((simulated) => workload.run(simulated), { ...options, disk, watch })
  if (point === undefined)
    throw new RangeError(
      `the run made ${environment.files.operations} operations: there is none of index ${index}`,
    )
  return point
}

/**
 * Runs something to its end in an environment of its own, which is stopped then. Rejects with what it rejects
 * with, and when it waits for what never comes.
 */
export async function simulate(
  work: (environment: SimulatedEnvironment) => Promise<unknown>,
  options: SimulatedEnvironmentOptions = {},
): Promise<SimulatedEnvironment> {
  const environment = new SimulatedEnvironment(options)
  const { simulation } = environment
  let waiting: NodeJS.Timeout | undefined
  try {
    await new Promise<unknown>((resolve, reject) => {
      simulation.onIdle = () => {
        clearTimeout(waiting)
        waiting = setTimeout(
          () => reject(new Error('the simulation waits for something that never comes')),
          STALLED_MS,
        )
      }
      simulation.onStop = () => resolve(undefined)
      work(environment).then(resolve, reject)
    })
  } finally {
    clearTimeout(waiting)
    simulation.stop()
  }
  return environment
}

function same(a: object, b: object): boolean {
  return Object.entries(a).every(([key, value]) => (b as Record<string, unknown>)[key] === value)
}
