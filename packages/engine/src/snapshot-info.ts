import type { SnapshotEntry } from '@holdfast/snapshot'

/** A snapshot that is there. */
export interface SnapshotInfo extends SnapshotEntry {
  /** SHA-256 of its content, in hex: equal states have equal digests, whoever stored them. */
  readonly digest: string
}
