import { HoldfastError } from '@holdfast/environment'
import { noOption } from './no-option.ts'

/** When snapshots are taken by themselves, and how many are kept. */
export interface SnapshotOptions {
  /** After so many commands since the last one. At least 1. Default: never by their number. */
  readonly everyRecords?: number
  /** After so many bytes of commands since the last one: what a restart has to replay. At least 1. Default: 64 MiB. `Infinity`: never by their size. */
  readonly everyBytes?: number
  /** How many snapshots are kept, and the log back to the oldest of them. At least 2, so that a damaged one isn't the end. Default: 2. */
  readonly keep?: number
}

export type SnapshotPolicy = Required<SnapshotOptions>

const DEFAULTS: SnapshotPolicy = { everyRecords: Infinity, everyBytes: 64 * 1024 * 1024, keep: 2 }

/** The policy with its defaults. Throws `INVALID_ARGUMENT` with the name, the value and the range; and for an option that there is not. */
export function snapshotPolicy(options: SnapshotOptions = {}): SnapshotPolicy {
  const unknown = Object.keys(options).find((name) => !(name in DEFAULTS))
  if (unknown !== undefined) throw noOption(`snapshot.${unknown}`)
  const policy = { ...DEFAULTS, ...definedOnly(options) }
  for (const name of ['everyRecords', 'everyBytes'] as const) {
    const value = policy[name]
    if (value !== Infinity && (!Number.isSafeInteger(value) || value < 1)) throw outOfRange(name, value, 1)
  }
  if (!Number.isSafeInteger(policy.keep) || policy.keep < 2) throw outOfRange('keep', policy.keep, 2)
  return policy
}

function definedOnly(options: SnapshotOptions): Partial<SnapshotPolicy> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function outOfRange(name: keyof SnapshotOptions, value: unknown, min: number): HoldfastError {
  return new HoldfastError(
    'INVALID_ARGUMENT',
    `snapshot.${name} is a whole number from ${min} on, not ${String(value)}`,
    {
      details: { option: `snapshot.${name}`, value, min },
    },
  )
}
