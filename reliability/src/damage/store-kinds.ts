// What the stores that are damaged differ in.
import zlib from 'node:zlib'
import { SeededRandom } from '@holdfast/testing/environment'
import type { SnapshotOptions } from 'holdfast'

export interface StoreKind {
  /** As it is in figures. */
  readonly name: string
  readonly snapshots: 'none' | 'one each time it is opened' | 'two each time it is opened'
  /** Where `zstd` is not said, nothing is compressed. */
  readonly compression?: SnapshotOptions['compression']
  /** The snapshots of the last time that it is opened are taken by a thread. */
  readonly byWorker?: boolean
  /** Somebody needs the log from where it was opened for the second time on. */
  readonly pinned?: boolean
}

/** With snapshots, of which one may stand in for another; and with the log alone, all of which counts. */
export const PLAIN: readonly StoreKind[] = [
  { name: 'closed', snapshots: 'one each time it is opened' },
  { name: 'closed, the log alone', snapshots: 'none' },
]

export const SPECIAL: readonly StoreKind[] = [
  { name: 'closed, by a worker', snapshots: 'one each time it is opened', byWorker: true },
  { name: 'closed, pinned', snapshots: 'two each time it is opened', pinned: true },
  ...('zstdCompress' in zlib
    ? [{ name: 'closed, compressed', snapshots: 'one each time it is opened', compression: 'zstd' } as const]
    : []),
]

/** Why one of them is left out, or nothing. */
export function missingKinds(): string[] {
  return 'zstdCompress' in zlib ? [] : ['closed, compressed: this Node.js has no zstd']
}

/** Each seed has another of the special ones: all of them would take two and a half times as long. */
export function kindsDrawn(seed: number): readonly StoreKind[] {
  const drawn = SPECIAL[new SeededRandom(seed).below(SPECIAL.length)]
  return drawn === undefined ? PLAIN : [...PLAIN, drawn]
}
