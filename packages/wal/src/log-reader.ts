import { SegmentReader } from './batch-reader.ts'
import { assertSeq } from './assert-seq.ts'
import type { Batch, BatchRange } from './log.ts'
import type { LogState } from './log-state.ts'
import { PIN_MAX_BYTES } from './pin.ts'
import type { Pins } from './pins.ts'
import type { SegmentCatalog } from './segment-catalog.ts'
import type { StoreDirectory } from './store-directory.ts'

/**
 * Reads an open log, up to what is durable, and follows it as that grows. What a reader has still to read is pinned.
 * One that stays away until its pin is dropped keeps nothing on the disk: its file, which may be deleted by then, is
 * closed, and it gets a `GapError` when it goes on.
 */
export class LogReader {
  readonly #directory: StoreDirectory
  readonly #catalog: SegmentCatalog
  readonly #pins: Pins
  readonly #state: LogState
  readonly #writer: { readonly durableSeq: number }

  constructor(
    directory: StoreDirectory,
    catalog: SegmentCatalog,
    pins: Pins,
    state: LogState,
    writer: { readonly durableSeq: number },
  ) {
    this.#directory = directory
    this.#catalog = catalog
    this.#pins = pins
    this.#state = state
    this.#writer = writer
  }

  async *batches(range: BatchRange): AsyncGenerator<Batch, void, undefined> {
    const { signal, follow = false, owner = 'a reader', maxPinnedBytes = PIN_MAX_BYTES } = range
    const { environment, walPath } = this.#directory
    assertSeq('after', range.after)
    const through = range.through ?? (follow ? Number.POSITIVE_INFINITY : this.#writer.durableSeq)
    let next = range.after + 1
    let reader: SegmentReader | undefined
    let isAway = false
    const pin = this.#pins.pinReader({ owner, from: next, maxBytes: maxPinnedBytes }, () => {
      if (isAway) void reader?.close()
    })
    try {
      while (next <= through) {
        pin.assertHeld()
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
          pin.advance(next)
          isAway = true
          yield batch
          isAway = false
          if (pin.dropped) break
        }
      }
    } finally {
      pin.release()
      await reader?.close()
    }
  }
}
