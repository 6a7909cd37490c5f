// One suite for each interface, called from the tests of every implementation.
export { codecContract, type CodecUnderTest } from './codec.ts'
export { fileSystemContract, type FileSystemUnderTest } from './file-system.ts'
export { locksContract, type LocksUnderTest } from './locks.ts'
export { logContract, type LogUnderTest, type LogWaiter, type OpenedLog } from './log.ts'
export { snapshotStoreContract, type SnapshotStoreUnderTest } from './snapshot-store.ts'
