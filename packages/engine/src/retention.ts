import type { SnapshotEntry, SnapshotStore } from '@holdfast/snapshot'
import type { Log, StoreDirectory } from '@holdfast/wal'
import type { LoggedCommand } from './commands.ts'
import type { SnapshotInfo } from './snapshot-info.ts'
import type { Waiter } from './waiter.ts'

/** What is needed to forget what is no longer needed. */
export interface RetentionParts {
  readonly directory: StoreDirectory
  readonly snapshots: SnapshotStore
  readonly log: Log<LoggedCommand, Waiter>
  readonly keep: number
}

/** What came of deleting what is no longer needed. */
export interface Applied {
  readonly trimmed:
    | { readonly firstSeq: number; readonly segments: number; readonly bytes: number }
    | undefined
  /** Of the first snapshot that could not be deleted. */
  readonly failure: unknown
}

/**
 * Which snapshots are there, and which go. The newest `keep` are kept, and the log back to the oldest of
 * them; until there are so many nothing goes. A file is named in the manifest no longer, durably, before it
 * is deleted.
 */
export class Retention {
  readonly #parts: RetentionParts
  /** Sound snapshots, newest first. */
  #kept: SnapshotInfo[]
  /** Files of snapshots that count no longer: damaged ones, and those that a crash kept from being deleted. */
  #leftovers: SnapshotEntry[]
  /** Somebody reads them: each a list of what was kept when it began. */
  readonly #holds: Set<readonly SnapshotInfo[]> = new Set()

  constructor(parts: RetentionParts, kept: readonly SnapshotInfo[], leftovers: readonly SnapshotEntry[]) {
    this.#parts = parts
    this.#kept = [...kept]
    this.#leftovers = [...leftovers]
  }

  get kept(): readonly SnapshotInfo[] {
    return this.#kept
  }

  get newest(): SnapshotInfo | undefined {
    return this.#kept[0]
  }

  /** What is kept now is not deleted before `release`; it goes with the next that is, then. */
  hold(): { readonly kept: readonly SnapshotInfo[]; readonly release: () => void } {
    const kept = [...this.#kept]
    this.#holds.add(kept)
    return { kept, release: () => void this.#holds.delete(kept) }
  }

  /** The snapshot has been published: it is named in the manifest. */
  async add(snapshot: SnapshotInfo): Promise<void> {
    this.#kept.unshift(snapshot)
    await this.#name()
  }

  /** One that was kept turned out to be of no use: it counts no longer. False where it is none of them, but a copy with the id of one, say. */
  setAside({ id, seq }: Pick<SnapshotInfo, 'id' | 'seq'>): boolean {
    const at = this.#kept.findIndex((kept) => kept.id === id && kept.seq === seq)
    if (at === -1) return false
    this.#leftovers.push(...this.#kept.splice(at, 1))
    return true
  }

  /** Deletes what is no longer needed, and says what went from the log, and what could not be deleted. */
  async apply(): Promise<Applied> {
    const { snapshots, log, keep } = this.#parts
    if (this.#kept.length >= keep) this.#leftovers.push(...this.#kept.splice(keep))
    await this.#name()
    if (this.#kept.length < keep) return { trimmed: undefined, failure: undefined }
    const oldest = this.#kept.at(-1)
    const trimmed = await log.trim(oldest?.seq ?? 0)
    let failure: unknown
    for (const entry of this.#leftovers.splice(0)) {
      if (this.#isHeld(entry)) {
        this.#leftovers.push(entry)
        continue
      }
      await snapshots.remove(entry).catch((error: unknown) => {
        // One that cannot be deleted keeps no other.
        failure ??= error
        this.#leftovers.push(entry)
      })
    }
    return { trimmed: trimmed.segments > 0 ? trimmed : undefined, failure }
  }

  #isHeld({ name }: SnapshotEntry): boolean {
    return [...this.#holds].some((kept) => kept.some((held) => held.name === name))
  }

  /** The manifest names what is kept, and nothing else. */
  async #name(): Promise<void> {
    const { directory } = this.#parts
    const named = this.#kept.map(({ id, seq, bytes, digest }) => ({ id, seq, bytes, digest }))
    if (JSON.stringify(directory.manifest.snapshots) === JSON.stringify(named)) return
    await directory.update((manifest) => ({ ...manifest, snapshots: named }))
  }
}
