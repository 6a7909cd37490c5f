import { HoldfastError } from '@holdfast/environment'
import type { SnapshotCompression } from '@holdfast/snapshot'
import { noOption } from './no-option.ts'
import type { SnapshotMode } from './snapshot-source.ts'

/** When snapshots are taken by themselves, and how many are kept. Whichever comes first counts. */
export interface SnapshotOptions {
  /** After so many commands since the last one. At least 1. Default: never by their number. */
  readonly everyRecords?: number | undefined
  /**
   * After so many bytes of log since the last one: what a restart has to read. At least 1; `Infinity`: never by
   * its size. Default: as many as the last snapshot has, and 64 MiB at least, so that no more is written for
   * snapshots than for the log, however large the state.
   */
  readonly everyBytes?: number | undefined
  /** After so many milliseconds, if there has been a command since the last one. From 1 to 2^31 - 1. Default: never by time. */
  readonly everyMs?: number | undefined
  /** How many snapshots are kept, and the log back to the oldest of them. At least 2, so that a damaged one isn't the end. Default: 2. */
  readonly keep?: number | undefined
  /**
   * How they are taken. Default: `captured` where the machine has `capture`; else `worker` where the store is opened
   * with the machine's module; else `blocking`.
   */
  readonly mode?: SnapshotMode | undefined
  /**
   * How new ones are stored. `zstd` makes them smaller, and needs a Node.js that has it (22.15, 23.8 or later) to
   * write and to read them: without it `open` throws `UNSUPPORTED`. Those that are there are read either way.
   * Default: `none`.
   */
  readonly compression?: SnapshotCompression | undefined
}

export interface SnapshotPolicy {
  readonly everyRecords: number
  /** `undefined`: as many as the last snapshot has. */
  readonly everyBytes: number | undefined
  readonly everyMs: number
  readonly keep: number
  readonly mode: SnapshotMode | undefined
  readonly compression: SnapshotCompression
}

const NAMES: readonly (keyof SnapshotOptions)[] = [
  'everyRecords',
  'everyBytes',
  'everyMs',
  'keep',
  'mode',
  'compression',
]
const MODES: readonly unknown[] = [undefined, 'captured', 'worker', 'blocking']
/** The log of a small state may be so long. */
const LOG_MIN_BYTES = 64 * 1024 * 1024
/** What a timer of Node takes. */
export const MAX_MS: number = 2 ** 31 - 1

/** The policy with its defaults. Throws `INVALID_ARGUMENT` with the name, the value and the range; and for an option that there is not. */
export function snapshotPolicy(options: SnapshotOptions = {}): SnapshotPolicy {
  const unknown = Object.keys(options).find((name) => !(NAMES as readonly string[]).includes(name))
  if (unknown !== undefined) throw noOption(`snapshot.${unknown}`)
  const { everyRecords = Infinity, everyBytes, everyMs = Infinity, keep = 2 } = options
  const { mode, compression = 'none' } = options
  assertWhole('everyRecords', everyRecords, 1)
  assertWhole('everyBytes', everyBytes ?? Infinity, 1)
  assertWhole('everyMs', everyMs, 1, MAX_MS)
  // Not for ever more.
  assertWhole('keep', keep === Infinity ? Number.NaN : keep, 2)
  if (compression !== 'none' && compression !== 'zstd') {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `snapshot.compression is none or zstd, not ${String(compression)}`,
    )
  }
  if (!MODES.includes(mode)) {
    throw new HoldfastError(
      'INVALID_ARGUMENT',
      `snapshot.mode is captured, worker or blocking, not ${String(mode)}`,
    )
  }
  return { everyRecords, everyBytes, everyMs, keep, mode, compression }
}

/** After how many bytes of log the next snapshot is due, behind one of so many bytes. */
export function bytesBetween({ everyBytes }: SnapshotPolicy, lastBytes: number): number {
  return everyBytes ?? Math.max(LOG_MIN_BYTES, lastBytes)
}

function assertWhole(name: keyof SnapshotOptions, value: number, min: number, max?: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= min && value <= (max ?? value))) return
  const range = max === undefined ? `from ${min} on` : `from ${min} to ${max}`
  throw new HoldfastError(
    'INVALID_ARGUMENT',
    `snapshot.${name} is a whole number ${range}, not ${String(value)}`,
    { details: { option: `snapshot.${name}`, value, min, ...(max === undefined ? {} : { max }) } },
  )
}
