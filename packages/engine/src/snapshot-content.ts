/*
 * What a snapshot of a store holds: a value that says what follows, then the state.
 *
 *   { holdfast: 1, content: 'state' }     one value: the state itself
 *   { holdfast: 1, content: 'entries' }   what the machine's `entries` gave, any number of values
 *
 * The first value keeps the snapshot of a machine without entries from being empty. It says nothing that
 * differs between two snapshots of one state, or they would have two digests. Part of the format:
 * docs/format.md, section "Snapshots of a store".
 */
import { HoldfastError, isHoldfastError } from '@holdfast/environment'
import type { SnapshotReader } from '@holdfast/snapshot'
import type { Machine } from './machine.ts'
import type { Upgrade } from './upgrade.ts'

/** Part of the format. */
const CONTENT_VERSION = 1

type Content = 'state' | 'entries'

/** What a snapshot of a state holds. The state must not change until the last of it has been taken. */
export function* contentOf<State extends object>(
  machine: Machine<State>,
  state: State,
): Generator<unknown, void, undefined> {
  const content: Content = machine.entries === undefined ? 'state' : 'entries'
  yield { holdfast: CONTENT_VERSION, content }
  if (machine.entries === undefined) yield state
  else yield* machine.entries(state)
}

/**
 * The state in a snapshot. The whole file has been verified when this resolves, whatever the machine read of it.
 *
 * Throws what reading throws; `NEWER_MACHINE`, `UPGRADE_FAILED`, `RESTORE_FAILED`.
 */
export async function readContent<State extends object>(
  reader: SnapshotReader,
  machine: Machine<State>,
): Promise<State> {
  const { machineVersion } = reader.header
  const { path } = reader.entry
  if (machineVersion > machine.version) throw newerMachine(machineVersion, machine.version, { path })
  const values = reader.values()[Symbol.asyncIterator]()
  const content = contentKindOf(await values.next(), path)
  const entries = new Rest(values)
  const state = await rebuild(machine, content, entries, machineVersion, path)
  await entries.drain()
  return state
}

/** The error for what a newer machine wrote. */
export function newerMachine(
  version: number,
  known: number,
  where: { path?: string; seq?: number },
): HoldfastError {
  return new HoldfastError(
    'NEWER_MACHINE',
    `version ${version} of the machine wrote this, and this is version ${known}`,
    {
      ...where,
      details: { version, known },
    },
  )
}

async function rebuild<State extends object>(
  machine: Machine<State>,
  content: Content,
  entries: Rest,
  version: number,
  path: string,
): Promise<State> {
  const { restore, upgrade } = machine
  const older = version < machine.version
  if (older && upgrade === undefined) throw noUpgrade(version, machine.version, path)
  if (content === 'state') {
    const stored = await entries.one(path)
    if (older && upgrade?.state !== undefined)
      return upgrading(() => upgrade.state?.(stored, version) as State, version, path)
    if (restore !== undefined) throw unlike(content, path)
    return stored as State
  }
  if (restore === undefined) throw unlike(content, path)
  try {
    return await restore(older ? upgraded(entries, upgrade, version, path) : entries)
  } catch (cause) {
    // What reading threw says it better: a snapshot that is damaged is set aside.
    if (isHoldfastError(cause)) throw cause
    throw new HoldfastError('RESTORE_FAILED', 'restore threw over the entries of the snapshot', {
      path,
      cause,
    })
  }
}

/** The error for an older store where the machine has no `upgrade`. */
export function noUpgrade(version: number, known: number, path?: string): HoldfastError {
  return new HoldfastError(
    'UPGRADE_FAILED',
    `version ${version} of the machine wrote this, and version ${known} has no upgrade`,
    {
      path,
      hint: 'Give the machine an `upgrade` that reads it; `upgrade: {}` says that commands and state read as they stand.',
    },
  )
}

function upgrading<T>(run: () => T, version: number, path: string): T {
  try {
    return run()
  } catch (cause) {
    throw upgradeThrew(cause, version, path)
  }
}

/** Entries of an older version, as `upgrade` gives them one by one. */
async function* upgraded<State extends object>(
  entries: Rest,
  upgrade: Upgrade<State> | undefined,
  version: number,
  path: string,
): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* upgrade?.entries?.(entries, version) ?? entries
  } catch (cause) {
    // What reading threw comes through it, and says it better.
    throw isHoldfastError(cause) ? cause : upgradeThrew(cause, version, path)
  }
}

function upgradeThrew(cause: unknown, version: number, path: string): HoldfastError {
  return new HoldfastError('UPGRADE_FAILED', `upgrade threw over the snapshot of version ${version}`, {
    path,
    cause,
  })
}

function unlike(content: Content, path: string): HoldfastError {
  return new HoldfastError(
    'UPGRADE_FAILED',
    `the snapshot holds the ${content} of a machine, and this machine reads the other kind`,
    {
      path,
      hint:
        content === 'state'
          ? 'A machine that turns to `entries` and `restore` needs a new version, with `upgrade.state` for what was stored before.'
          : 'Keep `restore` for what was stored before.',
    },
  )
}

function contentKindOf(first: IteratorResult<unknown>, path: string): Content {
  const value = first.value as { holdfast?: unknown; content?: unknown } | null | undefined
  if (first.done !== true && typeof value === 'object' && value !== null) {
    const { holdfast, content } = value
    if (typeof holdfast === 'number' && holdfast > CONTENT_VERSION) {
      throw new HoldfastError(
        'UNSUPPORTED_FORMAT',
        `the content of the snapshot has version ${holdfast}, this code knows up to ${CONTENT_VERSION}`,
        { path },
      )
    }
    if (holdfast === CONTENT_VERSION && (content === 'state' || content === 'entries')) return content
  }
  throw new HoldfastError(
    'DECODE_FAILED',
    'the snapshot was not written by a store: its first value is another one',
    { path },
  )
}

/** What is left of a snapshot: a machine may stop reading early or swallow an error, the check of the file does neither. */
class Rest implements AsyncIterableIterator<unknown> {
  readonly #values: AsyncIterator<unknown>
  #failure: { readonly error: unknown } | undefined

  constructor(values: AsyncIterator<unknown>) {
    this.#values = values
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#failure !== undefined) throw this.#failure.error
    try {
      return await this.#values.next()
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }

  /** The machine reads no further; `drain` does. */
  return(): Promise<IteratorResult<unknown>> {
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async one(path: string): Promise<unknown> {
    const next = await this.next()
    const value: unknown = next.value
    if (next.done === true || typeof value !== 'object' || value === null) {
      throw new HoldfastError('DECODE_FAILED', 'the snapshot holds no state behind its first value', { path })
    }
    return value
  }

  async drain(): Promise<void> {
    while ((await this.next()).done !== true);
  }
}
