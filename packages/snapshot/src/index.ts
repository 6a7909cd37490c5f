export { SNAPSHOT_MEMORY_BYTES } from './format.ts'
export type { SnapshotPace } from './pace.ts'
export { SnapshotDirectory, type SnapshotDirectoryOptions } from './snapshot-directory.ts'
export type {
  PublishedSnapshot,
  SealedSnapshot,
  SnapshotCompression,
  SnapshotEntry,
  SnapshotHeader,
  SnapshotReader,
  SnapshotStore,
  SnapshotSubject,
  SnapshotSummary,
  SnapshotWriter,
} from './snapshot-store.ts'
export { stateDigest, stateDigestWhile } from './state-digest.ts'
