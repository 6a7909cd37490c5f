import { HoldfastError } from '@holdfast/environment'
import { MAX_BATCH_BYTES, NOTE_MAX_BYTES } from './batch-builder.ts'

/** How a log writes. None of it changes what can be read. */
export interface LogOptions {
  /** A segment is followed by another once it holds this many bytes; a batch larger than that has one to itself. 4 KiB to 1 GiB. Default: 64 MiB. */
  readonly segmentBytes?: number
  /** How long a record acknowledged at level `os` may be unsynced, in milliseconds. 1 to 60,000. Default: 100. */
  readonly syncIntervalMs?: number
  /** A record that is larger once encoded is refused with `RECORD_TOO_LARGE`. 1 to 128 MiB. Default: 16 MiB. */
  readonly maxRecordBytes?: number
  /** Encoded bytes that wait to be written; past it `submit` is refused with `OVERLOADED`. At least 1. Default: 64 MiB. */
  readonly maxQueuedBytes?: number
  /** Bytes acknowledged at level `os` that are not synced yet: they are kept in memory, and past it a sync is forced. At least 1. Default: 16 MiB. */
  readonly maxUnsyncedBytes?: number
  /** Recorded in each segment's header, for the machine that replays it. 0 to 4,294,967,295. Default: 0. */
  readonly machineVersion?: number
}

const KIB = 1024
const MIB = 1024 * KIB

const LIMITS: Record<keyof LogOptions, { default: number; min: number; max: number }> = {
  segmentBytes: { default: 64 * MIB, min: 4 * KIB, max: 1024 * MIB },
  syncIntervalMs: { default: 100, min: 1, max: 60_000 },
  maxRecordBytes: { default: 16 * MIB, min: 1, max: Math.min(128 * MIB, MAX_BATCH_BYTES - NOTE_MAX_BYTES) },
  maxQueuedBytes: { default: 64 * MIB, min: 1, max: Number.MAX_SAFE_INTEGER },
  maxUnsyncedBytes: { default: 16 * MIB, min: 1, max: Number.MAX_SAFE_INTEGER },
  machineVersion: { default: 0, min: 0, max: 0xffff_ffff },
}

/** The options with their defaults. Throws `INVALID_ARGUMENT` with the name, the value and the range. */
export function checkLogOptions(options: LogOptions): Required<LogOptions> {
  const checked = Object.entries(LIMITS).map(([name, { default: fallback, min, max }]) => {
    const value = options[name as keyof LogOptions] ?? fallback
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `${name} is a whole number from ${min} to ${max}, not ${String(value)}`,
        {
          details: { option: name, value, min, max },
        },
      )
    }
    return [name, value]
  })
  return Object.fromEntries(checked) as Required<LogOptions>
}
