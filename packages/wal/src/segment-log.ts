import type { Codec } from '@holdfast/codec'
import type { HoldfastError } from '@holdfast/environment'
import { assertSeq } from './assert-seq.ts'
import { CaptureQueue, type CaptureLimits } from './capture-queue.ts'
import { CommitLoop } from './commit-loop.ts'
import { copySegments } from './copy-segments.ts'
import type { Batch, BatchRange, Durability, Log, LogStats } from './log.ts'
import { LogReader } from './log-reader.ts'
import { LogState } from './log-state.ts'
import { LogTrimmer } from './log-trimmer.ts'
import type { LogParts, LogWriter } from './log-writer.ts'
import { PIN_MAX_BYTES, type Pin, type PinOptions } from './pin.ts'
import { Pins } from './pins.ts'
import type { UnsyncedLimits } from './unsynced-batches.ts'

/** Limits of an open log; all of them are required here, `LogDirectory` has the defaults. */
export interface SegmentLogOptions extends CaptureLimits, UnsyncedLimits {
  readonly machineVersion: number
}

/**
 * The log on local files: group commit into one segment after another. What is submitted waits in the queue;
 * the loop decides when it is written, the writer writes it to the segment that the roller gives it, and the
 * catalog knows where it is.
 */
export class SegmentLog<T, W> implements Log<T, W> {
  readonly #parts: LogParts<T, W>
  readonly #state: LogState = new LogState()
  readonly #queue: CaptureQueue<T, W>
  readonly #loop: CommitLoop<T, W>
  readonly #writer: LogWriter<T, W>
  readonly #pins: Pins
  readonly #reader: LogReader
  readonly #trimmer: LogTrimmer
  #closing: Promise<void> | undefined

  /** `lastSeq` is the last sequence in it, and durable. */
  constructor(parts: LogParts<T, W>, codec: Codec<T>, options: SegmentLogOptions, lastSeq: number) {
    const { directory, catalog, roller, consumer } = parts
    this.#parts = parts
    this.#queue = new CaptureQueue(codec, options)
    this.#loop = new CommitLoop(parts, this.#queue, this.#state, options, lastSeq)
    this.#writer = this.#loop.writer
    this.#pins = new Pins(catalog, directory.walPath, (dropped) => consumer.pinDropped?.(dropped))
    this.#reader = new LogReader(directory, catalog, this.#pins, this.#state, this.#writer)
    this.#trimmer = new LogTrimmer(directory, catalog, this.#pins, roller, this.#writer)
  }

  get firstSeq(): number {
    return this.#parts.catalog.firstSeq
  }

  get lastSeq(): number {
    return this.#writer.lastSeq
  }

  get durableSeq(): number {
    return this.#writer.durableSeq
  }

  get queuedBytes(): number {
    return this.#queue.bytes
  }

  get appendedBytes(): number {
    return this.#writer.appendedBytes
  }

  submit(record: T, durability: Durability, waiter: W): void {
    this.#state.assertWritable()
    this.#queue.capture(record, durability, waiter)
    this.#loop.wake()
  }

  submitAll(records: readonly T[], durability: Durability, waiters: readonly W[]): void {
    this.#state.assertWritable()
    this.#queue.captureAll(records, durability, waiters)
    this.#loop.wake()
  }

  async ready(): Promise<void> {
    while (!this.#queue.hasRoom) {
      this.#state.assertWritable()
      await this.#state.changed.next()
    }
    this.#state.assertWritable()
  }

  async sync(throughSeq?: number): Promise<number> {
    const target = this.#queue.captured
    while (throughSeq === undefined && this.#queue.settled < target) {
      this.#state.assertNotFailed()
      await this.#state.changed.next()
    }
    const seq = Math.min(throughSeq ?? this.lastSeq, this.lastSeq)
    while (this.durableSeq < seq) {
      this.#state.assertNotFailed()
      this.#loop.syncNow()
      await this.#state.changed.next()
    }
    this.#state.assertNotFailed()
    return this.durableSeq
  }

  batches(range: BatchRange): AsyncGenerator<Batch, void, undefined> {
    return this.#reader.batches(range)
  }

  pin(options: PinOptions): Pin {
    return this.#pins.pin(options)
  }

  async trim(throughSeq: number): Promise<{ firstSeq: number; segments: number; bytes: number }> {
    this.#state.assertWritable()
    assertSeq('throughSeq', throughSeq)
    try {
      return await this.#trimmer.trim(throughSeq)
    } catch (error) {
      if ((error as HoldfastError).code === 'FENCED') this.fail(error as HoldfastError)
      throw error
    }
  }

  fail(error: HoldfastError): void {
    this.#loop.fail(error)
  }

  /**
   * Copies every segment up to `durableSeq` into a directory of another store; writes go on. Of a log that is idle,
   * and has room for one, the copy ends with a mark. See `copySegments`. `before` is what else has to be copied, and before the log: nothing that
   * the log held when this was called is trimmed until all is done, up to the cap of its pin. Past that it throws
   * `GapError`, as does what `before` is given.
   */
  async backup(
    targetWalPath: string,
    before: (assertHeld: () => void) => Promise<void> = async () => {},
  ): ReturnType<typeof copySegments> {
    const { directory, catalog, roller } = this.#parts
    const pin = this.#pins.pinReader({ owner: 'a backup', from: this.firstSeq, maxBytes: PIN_MAX_BYTES })
    try {
      await before(() => pin.assertHeld())
      await this.sync()
      await this.#loop.markIfIdle()
      await roller.settled()
      this.#state.assertNotFailed()
      pin.assertHeld()
      const { current } = roller
      const durable = current && { ...current.durable, offset: current.durableBytes }
      return await copySegments(directory.environment, catalog, targetWalPath, durable)
    } finally {
      pin.release()
    }
  }

  stats(): LogStats {
    const { directory, catalog, roller } = this.#parts
    return {
      firstSeq: this.firstSeq,
      lastSeq: this.lastSeq,
      durableSeq: this.durableSeq,
      epoch: directory.epoch,
      segments: catalog.segments.length,
      bytes: catalog.bytes,
      ...this.#writer.figures,
      rotations: roller.rotations,
      queuedBytes: this.#queue.bytes,
      unsyncedBytes: this.#loop.unsynced.bytes,
      pins: this.#pins.stats(),
      warning: this.#loop.warning,
    }
  }

  /** Work in the background failed. */
  warn(error: HoldfastError): void {
    this.#loop.warn(error)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const failedBefore = this.#state.failure !== undefined
    this.#state.beginClosing()
    try {
      await this.#loop.drain()
      if (this.#state.failure === undefined) await this.#closeCleanly()
      // Each write that failed was refused then and there. Nobody has heard yet of what was acknowledged at
      // level `os` and is not durable: to return here would say that it is.
      else if (!failedBefore || this.durableSeq < this.lastSeq) throw this.#state.failure
    } finally {
      await this.#loop.stop()
      await this.#parts.roller.abandon()
      this.#state.endClosing()
    }
  }

  async #closeCleanly(): Promise<void> {
    const { directory, roller } = this.#parts
    try {
      await this.#loop.mark()
    } catch (error) {
      this.#loop.fail(error as HoldfastError)
      throw error
    }
    await roller.settled()
    const prepared = await roller.takePrepared()
    await roller.sealCurrent().catch((error: unknown) => this.warn(error as HoldfastError))
    await roller.saveCatalog({ clean: { durableSeq: this.durableSeq, epoch: directory.epoch } })
    if (prepared !== undefined) {
      await directory.environment.files.unlink(prepared.path).catch(() => {})
    }
  }
}
