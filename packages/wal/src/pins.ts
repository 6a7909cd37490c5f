import { GapError, HoldfastError } from '@holdfast/environment'
import { checkPin, MAX_PINS, type Pin, type PinOptions, type PinStats } from './pin.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'

/**
 * Who still needs which part of an open log: readers under way, and whoever asked for a pin. All segments from the
 * least `from` on are kept. So what is kept for one pin is also kept for each with a lesser `from`: together they
 * hold back no more than the largest cap.
 */
export class Pins {
  readonly #catalog: SegmentCatalog
  readonly #walPath: string
  readonly #tellDropped: (dropped: PinStats) => void
  readonly #held: Set<HeldPin> = new Set()
  /** Up to where the last trim would have gone without pins. */
  #wantedSeq = 0

  constructor(catalog: SegmentCatalog, walPath: string, tellDropped: (dropped: PinStats) => void) {
    this.#catalog = catalog
    this.#walPath = walPath
    this.#tellDropped = tellDropped
  }

  /** For whoever asks. Throws `INVALID_ARGUMENT`, also where there are too many, and `GapError` where `from` has been trimmed. */
  pin(options: PinOptions): Pin {
    const checked = checkPin(options)
    const asked = [...this.#held].filter(({ isReader }) => !isReader)
    if (asked.length >= MAX_PINS) {
      const owners = [...new Set(asked.map(({ owner }) => owner))].join(', ')
      throw new HoldfastError('INVALID_ARGUMENT', `there are ${MAX_PINS} pins already, of ${owners}`, {
        hint: 'Release those that are no longer needed.',
      })
    }
    this.#catalog.assertHolds(checked.from, this.#walPath)
    return this.#hold(
      new HeldPin(
        checked,
        false,
        this.#parts(() => {}),
      ),
    )
  }

  /** For a reader under way, which `onDropped` tells when it has lost what it was about to read. */
  pinReader(options: Required<PinOptions>, onDropped: () => void = () => {}): HeldPin {
    return this.#hold(new HeldPin(options, true, this.#parts(onDropped)))
  }

  /**
   * Up to where a trim may go that would go up to `throughSeq`. One that holds back more than its cap is dropped,
   * unless another that keeps to its own holds back as much: to drop it would free nothing.
   */
  trimmable(throughSeq: number): number {
    this.#wantedSeq = throughSeq
    const held = [...this.#held].map((pin) => ({ pin, bytes: this.#heldBackBy(pin) }))
    const kept = held.reduce(
      (most, { pin, bytes }) => (bytes <= pin.maxBytes ? Math.max(most, bytes) : most),
      0,
    )
    for (const { pin, bytes } of held) {
      if (bytes <= kept) continue
      this.#held.delete(pin)
      pin.drop(bytes)
      this.#tellDropped({ owner: pin.owner, from: pin.from, bytes, maxBytes: pin.maxBytes })
    }
    return [...this.#held].reduce((seq, pin) => Math.min(seq, pin.from - 1), throughSeq)
  }

  stats(): PinStats[] {
    return [...this.#held].map((pin) => {
      const { owner, from, maxBytes } = pin
      return { owner, from, bytes: this.#heldBackBy(pin), maxBytes }
    })
  }

  #hold(pin: HeldPin): HeldPin {
    this.#held.add(pin)
    return pin
  }

  #parts(onDropped: () => void): PinParts {
    return {
      onDropped,
      onReleased: (pin) => this.#held.delete(pin),
      firstSeq: () => this.#catalog.firstSeq,
      walPath: this.#walPath,
    }
  }

  #heldBackBy({ from }: HeldPin): number {
    const without = this.#catalog.upTo(this.#wantedSeq)
    return bytesOf(without) - bytesOf(this.#catalog.upTo(Math.min(this.#wantedSeq, from - 1)))
  }
}

interface PinParts {
  readonly onDropped: () => void
  readonly onReleased: (pin: HeldPin) => void
  readonly firstSeq: () => number
  readonly walPath: string
}

/** A pin of an open log. */
export class HeldPin implements Pin {
  readonly owner: string
  readonly maxBytes: number
  readonly isReader: boolean
  readonly #parts: PinParts
  #from: number
  #released = false
  /** What it held back when it was dropped. */
  #droppedBytes: number | undefined

  constructor({ owner, from, maxBytes }: Required<PinOptions>, isReader: boolean, parts: PinParts) {
    this.owner = owner
    this.maxBytes = maxBytes
    this.isReader = isReader
    this.#from = from
    this.#parts = parts
  }

  get from(): number {
    return this.#from
  }

  get dropped(): boolean {
    return this.#droppedBytes !== undefined
  }

  advance(seq: number): void {
    this.assertHeld()
    if (!Number.isSafeInteger(seq) || seq < this.#from) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `a pin goes forward, from ${this.#from} on, not to ${String(seq)}`,
        { details: { argument: 'seq', value: seq, from: this.#from } },
      )
    }
    this.#from = seq
  }

  release(): void {
    this.#released = true
    this.#parts.onReleased(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** Throws what `advance` throws. */
  assertHeld(): void {
    const { owner, maxBytes } = this
    const bytes = this.#droppedBytes
    if (bytes !== undefined) {
      throw new GapError(this.#from, this.#parts.firstSeq(), {
        path: this.#parts.walPath,
        details: { owner, bytes, maxBytes },
        hint: `The pin of ${owner} held back ${bytes} bytes of the log, more than its cap of ${maxBytes}, and was dropped. Start from a snapshot, or from \`firstSeq\` if what lies between is not needed.`,
      })
    }
    if (this.#released) {
      throw new HoldfastError('CLOSED', `the pin of ${owner} was released`, {
        hint: 'Pin what is needed anew.',
      })
    }
  }

  /** By the log: what it keeps is about to go. */
  drop(bytes: number): void {
    this.#droppedBytes = bytes
    this.#parts.onDropped()
  }
}

function bytesOf(segments: readonly CatalogSegment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}
