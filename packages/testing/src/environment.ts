// What stands in for the machine: files that fail, time and chance at will, power cuts. Without the engine, for
// those who build on the layers below it.
export {
  type ActiveRule,
  type CallName,
  type CallRecord,
  errnoError,
  type Fault,
  type FaultRule,
} from './faults.ts'
export { FaultyFileSystem, faultyEnvironment } from './faulty-file-system.ts'
export { InProcessWorkers, type WorkerFault } from './in-process-workers.ts'
export { ManualClock, ManualTimers } from './manual-time.ts'
export { memoryEnvironment } from './memory-environment.ts'
export { MemoryFileSystem } from './memory-file-system.ts'
export { openDescriptors } from './open-descriptors.ts'
export { SeededRandom } from './seeded-random.ts'
export {
  type CrashPoint,
  cutAt,
  recordCrashPoints,
  type RecordedRun,
  type RunOptions,
  simulate,
  type Workload,
} from './simulated/crash-points.ts'
export { cutFile, flipBit, loseFile, overwrite, swapFiles } from './simulated/damage.ts'
export { SimulatedDisk } from './simulated/disk.ts'
export { SimulatedEnvironment, type SimulatedEnvironmentOptions } from './simulated/simulated-environment.ts'
export type {
  OperationWatch,
  SimulatedFileSystem,
  SimulatedOperation,
} from './simulated/simulated-file-system.ts'
export type { SimulatedLocks } from './simulated/simulated-locks.ts'
export type { Simulation } from './simulated/simulation.ts'
export { type Effect, EXTREME_SURVIVALS, type Survival, survivalNamed } from './simulated/survival.ts'
export { smallDisk } from './small-disk.ts'
export { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts'
