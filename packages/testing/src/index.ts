// The contract suites are in `@holdfast/testing/contracts`: they import vitest, which nothing here does.
export * from './environment.ts'
export { checkMachine, MachineError, type MachineFault } from './machines/check-machine.ts'
export {
  type CommandOf,
  CrashError,
  type ExploreCrashesOptions,
  type ExploredCrashes,
  exploreCrashes,
} from './machines/explore-crashes.ts'
export type { StateCheck } from './machines/machine-subject.ts'
