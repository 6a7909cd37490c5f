// One suite for each interface, called from the tests of every implementation.
export { codecContract } from './codec.ts'
export { fileSystemContract } from './file-system.ts'
export { locksContract } from './locks.ts'
export { logContract, type LogUnderTest, type LogWaiter, type OpenedLog } from './log.ts'
export { snapshotStoreContract } from './snapshot-store.ts'
