import { ioError } from '@holdfast/environment'
import type { Pins } from './pins.ts'
import { removeFiles } from './remove-files.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'
import type { SegmentRoller } from './segment-roller.ts'
import type { StoreDirectory } from './store-directory.ts'

/** Deletes segments from the log's old end. */
export class LogTrimmer {
  readonly #directory: StoreDirectory
  readonly #catalog: SegmentCatalog
  readonly #pins: Pins
  readonly #roller: SegmentRoller
  readonly #writer: { readonly durableSeq: number }
  /** No longer in the catalog, and not removed yet. */
  readonly #trimmed: CatalogSegment[] = []

  constructor(
    directory: StoreDirectory,
    catalog: SegmentCatalog,
    pins: Pins,
    roller: SegmentRoller,
    writer: { readonly durableSeq: number },
  ) {
    this.#directory = directory
    this.#catalog = catalog
    this.#pins = pins
    this.#roller = roller
    this.#writer = writer
  }

  /** Those that hold nothing above `throughSeq`, nothing that is not durable, and nothing that is pinned; never the newest. */
  async trim(throughSeq: number): Promise<{ firstSeq: number; segments: number; bytes: number }> {
    const trimmed: CatalogSegment[] = []
    let failure: unknown
    this.#roller.inBackground(async () => {
      try {
        const durable = Math.min(throughSeq, this.#writer.durableSeq)
        const removed = this.#catalog.upTo(this.#pins.trimmable(durable))
        this.#catalog.remove(removed)
        // What an earlier trim could not finish is tried again.
        this.#trimmed.push(...removed)
        if (this.#trimmed.length === 0) return
        // A file is named no longer, durably, before it goes: one that is named and missing is damage.
        await this.#roller.saveCatalog()
        await removeFiles(this.#directory.environment, this.#directory.walPath, this.#trimmed)
        trimmed.push(...this.#trimmed.splice(0))
      } catch (cause) {
        failure = cause
      }
    })
    await this.#roller.settled()
    if (failure !== undefined)
      throw ioError(failure, { doing: 'trim the log', path: this.#directory.walPath })
    const bytes = trimmed.reduce((sum, segment) => sum + segment.bytes, 0)
    return { firstSeq: this.#catalog.firstSeq, segments: trimmed.length, bytes }
  }
}
