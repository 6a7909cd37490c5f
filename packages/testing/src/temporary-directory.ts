import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new directory of its own under the system's temporary one, for a test. */
export interface TemporaryDirectory {
  readonly path: string
  /** Removes it with all that is in it. */
  readonly remove: () => Promise<void>
}

/** Makes one. It is removed only by `remove`. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-')))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
