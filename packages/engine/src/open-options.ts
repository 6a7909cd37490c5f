import { type Codec, messagePackCodec } from '@holdfast/codec'
import { type Environment, HoldfastError, nodeEnvironment } from '@holdfast/environment'
import type { RecoveryProgress } from '@holdfast/recovery'
import { checkLogOptions, type Durability, type LogOptions, type PinOptions } from '@holdfast/wal'
import { noOption } from './no-option.ts'
import { checkPins } from './pins-at-opening.ts'
import { type SnapshotOptions, type SnapshotPolicy, snapshotPolicy } from './snapshot-options.ts'

/** How a store is read. */
export interface ReadOptions {
  /** Values to bytes. A store is read with the codec that wrote it. Default: `messagePackCodec`. */
  readonly codec?: Codec<unknown>
  /** File system, clock, random numbers, timers, lock. Default: this machine's. */
  readonly environment?: Environment
  /** Called while the store is recovered: after the snapshot, and about once for every MiB of the log. */
  readonly onProgress?: (progress: RecoveryProgress) => void
  /** Gives up opening, with `ABORTED`. Once the store is open it does nothing. */
  readonly signal?: AbortSignal
}

/** How a store is opened for writing. */
export interface OpenOptions extends ReadOptions, Omit<LogOptions, 'machineVersion'> {
  /** What an acknowledgement means where a call does not say. Default: `disk`. */
  readonly durability?: Durability
  /** When and how snapshots are taken by themselves. */
  readonly snapshot?: SnapshotOptions
  /**
   * What a new snapshot has to pass before it counts.
   * - `read`: it is read back from the disk, and every checksum and its digest are checked.
   * - `replay`: besides, the snapshot before it and the log are folded to the same sequence, and the digests of the two
   *   states compared. One that differs is not published: `snapshotFailed` says `DIVERGED`, and the first command after
   *   which replays differ. For its time it holds a second copy of the state, in a thread where the store is opened
   *   with the machine's module.
   *
   * Default: `read`.
   */
  readonly verifySnapshots?: SnapshotVerification
  /**
   * What is kept of the log from the start: see `pin`. Opening trims the log, before whoever opens it could pin
   * anything; so one who is still to read what lies before the oldest snapshot, an archiver that was behind, says so
   * here. `store.pins` gives them.
   */
  readonly pins?: readonly PinOptions[]
}

export type SnapshotVerification = 'read' | 'replay'

/** Reading options with their defaults. */
export interface ReadSettings {
  readonly codec: Codec<unknown>
  readonly codecs: ReadonlyMap<string, Codec<unknown>>
  readonly environment: Environment
  readonly onProgress: ((progress: RecoveryProgress) => void) | undefined
  readonly signal: AbortSignal | undefined
}

export interface OpenSettings extends ReadSettings {
  readonly durability: Durability
  readonly policy: SnapshotPolicy
  readonly verifySnapshots: SnapshotVerification
  readonly log: Omit<LogOptions, 'machineVersion'>
  readonly pins: readonly Required<PinOptions>[]
}

/** Throws `INVALID_ARGUMENT` for an option that there is not, or that is not what it has to be. */
export function readSettings(options: ReadOptions): ReadSettings {
  const { codec = messagePackCodec, environment = nodeEnvironment, onProgress, signal, ...unknown } = options
  assertNone(unknown)
  if (typeof codec.encoder !== 'function' || typeof codec.decode !== 'function')
    throw isNo('codec', 'a Codec')
  if (environment.files === undefined || environment.locks === undefined) {
    throw isNo('environment', 'an Environment')
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') throw isNo('onProgress', 'a function')
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw isNo('signal', 'an AbortSignal')
  const codecs = new Map([messagePackCodec, codec].map((known) => [known.id, known]))
  return { codec, codecs, environment, onProgress, signal }
}

/** Options with their defaults, all of them checked before anything is touched. Throws `INVALID_ARGUMENT`. */
export function openSettings(options: OpenOptions): OpenSettings {
  const { durability, snapshot, verifySnapshots = 'read', pins, ...others } = options
  const { codec, environment, onProgress, signal, ...rest } = others
  const log = checkLogOptions(rest)
  assertNone(Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in log))))
  if (verifySnapshots !== 'read' && verifySnapshots !== 'replay') {
    throw isNo('verifySnapshots', `'read' or 'replay', not ${String(verifySnapshots)}`)
  }
  return {
    ...readSettings(definedOnly({ codec, environment, onProgress, signal })),
    durability: checkDurability(durability) ?? 'disk',
    policy: snapshotPolicy(snapshot),
    verifySnapshots,
    log,
    pins: checkPins(pins),
  }
}

function assertNone(unknown: object): void {
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw noOption(name)
}

function isNo(option: string, what: string): HoldfastError {
  return new HoldfastError('INVALID_ARGUMENT', `${option} must be ${what}`, { details: { option } })
}

function definedOnly(
  options: { readonly [Name in keyof ReadOptions]: ReadOptions[Name] | undefined },
): ReadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** `undefined` stays that. Throws `INVALID_ARGUMENT` for anything that is no level. */
export function checkDurability(value: Durability | undefined): Durability | undefined {
  if (value === undefined || value === 'disk' || value === 'os') return value
  throw new HoldfastError('INVALID_ARGUMENT', `durability is 'disk' or 'os', not ${JSON.stringify(value)}`, {
    details: { option: 'durability', value },
  })
}
