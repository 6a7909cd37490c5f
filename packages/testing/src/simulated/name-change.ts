/** Something done to names that is not durable: survives a power cut as a whole, or not at all. */
export interface NameChange {
  readonly stamp: number
  /** Names that are taken away: only while they lead there. */
  readonly removed: readonly { readonly directory: number; readonly name: string; readonly id: number }[]
  readonly added: { readonly directory: number; readonly name: string; readonly id: number } | undefined
  /** Directories that have to be synced before it is durable. */
  readonly unsynced: readonly number[]
  /** Those of them whose sync failed: the next one writes nothing, until something else changes in them. */
  readonly lost: readonly number[]
}

/** Makes it, in directories that are there. */
export function applyTo(
  directories: { get(id: number): Map<string, number> | undefined },
  { removed, added }: NameChange,
): void {
  for (const { directory, name, id } of removed) {
    const names = directories.get(directory)
    if (names?.get(name) === id) names.delete(name)
  }
  if (added !== undefined) directories.get(added.directory)?.set(added.name, added.id)
}
