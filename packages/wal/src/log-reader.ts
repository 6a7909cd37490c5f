import { SegmentReader } from './batch-reader.ts'
import { assertSeq } from './assert-seq.ts'
import type { Batch, BatchRange } from './log.ts'
import type { LogState } from './log-state.ts'
import type { SegmentCatalog } from './segment-catalog.ts'
import type { StoreDirectory } from './store-directory.ts'

/** Reads an open log, up to what is durable, and follows it as that grows. */
export class LogReader {
  readonly #directory: StoreDirectory
  readonly #catalog: SegmentCatalog
  readonly #state: LogState
  readonly #writer: { readonly durableSeq: number }

  constructor(
    directory: StoreDirectory,
    catalog: SegmentCatalog,
    state: LogState,
    writer: { readonly durableSeq: number },
  ) {
    this.#directory = directory
    this.#catalog = catalog
    this.#state = state
    this.#writer = writer
  }

  async *batches(range: BatchRange): AsyncGenerator<Batch, void, undefined> {
    const { signal, follow = false } = range
    const { environment, walPath } = this.#directory
    assertSeq('after', range.after)
    const through = range.through ?? (follow ? Number.POSITIVE_INFINITY : this.#writer.durableSeq)
    let next = range.after + 1
    let reader: SegmentReader | undefined
    try {
      while (next <= through) {
        if (signal?.aborted) return
        const limit = Math.min(through, this.#writer.durableSeq)
        if (next > limit) {
          if (!follow || this.#state.hasEnded) return
          await this.#state.changed.next(signal)
          continue
        }
        const segment = this.#catalog.holding(next, walPath)
        if (segment !== reader?.segment) {
          await reader?.close()
          reader = undefined
          reader = await SegmentReader.open(environment, this.#catalog, segment, next)
        }
        for await (const batch of reader.batches(next, Math.min(limit, segment.end?.seq ?? limit))) {
          next = batch.lastSeq + 1
          yield batch
        }
      }
    } finally {
      await reader?.close()
    }
  }
}
