// Apart from the rest because it imports the engine, which the tests of the packages below it do without.
export { checkMachine, MachineError, type MachineFault } from './check-machine.ts'
export {
  CrashError,
  type ExploreCrashesOptions,
  type ExploredCrashes,
  exploreCrashes,
} from './explore-crashes.ts'
