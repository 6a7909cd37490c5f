import { HoldfastError } from '@holdfast/environment'
import { FRAME_ALIGNMENT } from './format.ts'
import type { FrameResult } from './frame.ts'
import { type FrameRules, frameRules, judgeFrame } from './judge-frame.ts'
import { type ByteSource, DEFAULT_WINDOW_BYTES, SourceWindow } from './source-window.ts'

/** Where to read, and what to take for a frame. */
export interface FrameReaderOptions {
  /** What both checksums start from: `FORMAT_SEED`, or the salt of the file. */
  seed: number
  /** Where the first frame begins, a multiple of `FRAME_ALIGNMENT`. */
  start: number
  /** Where the source ends. No read goes past it, and no frame is taken to reach past it. */
  end: number
  /** The kinds that the caller knows. Others are faults, or frames with `skip` if their top bit is set. */
  kinds: ReadonlySet<number>
  /** The flags that the caller knows, as bits. Any other is a fault. Default: none. */
  flags?: number
  /** How much is read ahead, and all that is held unless one frame is larger. Default: 1 MiB. */
  windowBytes?: number
}

/**
 * Reads frames one after the other, verifying each. Memory is bounded by the window and, while it is being
 * looked at, one frame that is larger than the window. Every byte is read once, and ahead: beside a writer,
 * `end` has to be where the bytes no longer change.
 */
export class FrameReader {
  readonly #window: SourceWindow
  readonly #rules: FrameRules
  #position: number
  #loading = false

  constructor(source: ByteSource, options: FrameReaderOptions) {
    const { seed, start, end, kinds, flags = 0, windowBytes = DEFAULT_WINDOW_BYTES } = options
    if (start % FRAME_ALIGNMENT !== 0) {
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        `frames begin at multiples of ${FRAME_ALIGNMENT}, not at ${start}`,
      )
    }
    this.#window = new SourceWindow(source, start, end, windowBytes)
    this.#rules = frameRules(seed, kinds, flags)
    this.#position = start
  }

  /** Where the next frame begins, as far as is known. */
  get position(): number {
    return this.#position
  }

  /** What the checksums of the frames from here on start from. */
  setSeed(seed: number): void {
    this.#rules.seed = seed
  }

  /**
   * The next frame, the fault that stands in its place, or the end. A promise only when the source must be
   * read; most calls return at once. A fault or the end is returned again by every further call: to go on
   * behind a fault, make a reader that starts there. An error of the source rejects unchanged and moves
   * nothing: the next call reads again.
   *
   * The frame's payload is valid until the next call. Calls must not overlap.
   */
  next(): FrameResult | Promise<FrameResult> {
    if (this.#loading)
      throw new HoldfastError(
        'INVALID_ARGUMENT',
        'FrameReader.next() was called while another call is under way',
      )
    const result = judgeFrame(this.#window, this.#position, this.#rules)
    if (typeof result === 'number') return this.#loadAndJudge(result)
    if (result.type === 'frame') this.#position = result.end
    return result
  }

  async #loadAndJudge(firstNeeded: number): Promise<FrameResult> {
    this.#loading = true
    try {
      let needed = firstNeeded
      for (;;) {
        await this.#window.load(this.#position, needed)
        const result = judgeFrame(this.#window, this.#position, this.#rules)
        if (typeof result !== 'number') {
          if (result.type === 'frame') this.#position = result.end
          return result
        }
        needed = result
      }
    } finally {
      this.#loading = false
    }
  }
}
