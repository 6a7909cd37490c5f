// The contract suites are in `@holdfast/testing/contracts`: they import vitest, which child processes of tests don't need.
export {
  type ActiveRule,
  type CallName,
  type CallRecord,
  errnoError,
  type Fault,
  type FaultRule,
} from './faults.ts'
export { FaultyFileSystem, faultyEnvironment } from './faulty-file-system.ts'
export { ManualClock, ManualTimers } from './manual-time.ts'
export { openDescriptors } from './open-descriptors.ts'
export { SeededRandom } from './seeded-random.ts'
export { smallDisk } from './small-disk.ts'
export { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts'
