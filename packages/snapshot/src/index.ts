export type {
  PublishedSnapshot,
  SnapshotCompression,
  SnapshotEntry,
  SnapshotHeader,
  SnapshotReader,
  SnapshotStore,
  SnapshotSubject,
  SnapshotSummary,
  SnapshotWriter,
} from './snapshot-store.ts'
