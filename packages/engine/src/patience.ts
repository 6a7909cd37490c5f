import { errnoOf, isHoldfastError } from '@holdfast/environment'
import type { StoreDirectory } from '@holdfast/wal'

/** A writer that goes on may make one pass look wrong. The bytes are read again so often, and ... */
const MAX_PASSES = 5
/** ... so often where the manifest is another one each time. */
const MAX_PASSES_CHANGING = 25

/**
 * How often something may look wrong to a reader beside a live writer before it is believed. What looks
 * like damage may be half-written, and a file that is missing may have been trimmed.
 */
export class Patience {
  #manifest: string | undefined
  #passes = 0
  #unchanged = 0

  /** Before each pass, with the manifest that it goes by. */
  look({ manifest }: StoreDirectory): void {
    const text = JSON.stringify(manifest)
    this.#unchanged = text === this.#manifest ? this.#unchanged + 1 : 1
    this.#manifest = text
    this.#passes += 1
  }

  /** Throws what is to be believed. */
  bear(error: unknown): void {
    if (!mayPass(error) || this.#unchanged >= MAX_PASSES || this.#passes >= MAX_PASSES_CHANGING) throw error
  }
}

/** What a writer at work can make a pass run into. */
function mayPass(error: unknown): boolean {
  if (errnoOf(error) === 'ENOENT') return true
  if (!isHoldfastError(error)) return false
  if (errnoOf(error.cause) === 'ENOENT') return true
  return error.code === 'CORRUPT' || error.code === 'GAP' || error.code === 'SNAPSHOT_CORRUPT'
}
