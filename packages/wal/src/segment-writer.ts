import {
  type HoldfastError,
  ioError,
  writeAll,
  writeAllThrough,
  type Environment,
  type File,
} from '@holdfast/environment'
import { FrameDigest } from '@holdfast/framing'
import {
  encodeFooter,
  encodeMark,
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type IndexEntry,
  type SegmentHeader,
} from './format.ts'
import type { Boundary } from './plan.ts'

/** Space is taken ahead in steps as large as what the segment holds, between these: a crash wastes no more than was written. */
const PREALLOCATE_MIN_BYTES = 64 * 1024
const PREALLOCATE_MAX_BYTES = 4 * 1024 * 1024
/** A batch this large extends the file by its own write: zeros ahead of it would be written for nothing. */
const PREALLOCATE_BATCH_MAX_BYTES = 128 * 1024
/** The sparse index has an entry for every so many bytes of frames. */
const INDEX_STEP_BYTES = 64 * 1024
const ZEROS: Uint8Array = new Uint8Array(256 * 1024)

/** A batch in its frame, sealed with the salt of the segment that it goes to. */
export interface FramedBatch {
  readonly frame: Buffer
  readonly headerChecksum: number
  readonly firstSeq: number
  readonly lastSeq: number
}

/**
 * One segment that is being appended to. Calls must not overlap, but for `reserveAhead`, which runs beside
 * them. After any method has thrown an error that is not `NO_SPACE`, the segment is broken: nothing more is
 * written to it.
 */
export class SegmentWriter {
  path: string
  readonly header: SegmentHeader
  readonly index: IndexEntry[] = []
  readonly #file: File
  readonly #segmentBytes: number
  readonly #digest: FrameDigest = new FrameDigest()
  /** Where the next frame goes. */
  #end: number
  /** Where the last batch ends. */
  #last: Boundary
  /** Where the last durable batch ends. */
  #durable: Boundary
  /** Bytes of the file that are there, zeros where nothing was written. */
  #allocated: number
  #unsynced = false
  #reserving: Promise<void> | undefined
  #broken: HoldfastError | undefined
  #footerOffset: number | undefined

  private constructor(
    path: string,
    file: File,
    header: SegmentHeader,
    segmentBytes: number,
    allocated: number,
  ) {
    this.path = path
    this.header = header
    this.#file = file
    this.#segmentBytes = segmentBytes
    this.#end = SEGMENT_HEADER_BYTES
    this.#last = { seq: header.firstSeq - 1, offset: SEGMENT_HEADER_BYTES, digest: 0 }
    this.#durable = this.#last
    this.#allocated = allocated
  }

  /** Makes a file of zeros, synced, that a segment can begin in. Throws `NO_SPACE`; then nothing is left of it. */
  static async prepare(
    environment: Environment,
    path: string,
    segmentBytes: number,
  ): Promise<{ file: File; bytes: number }> {
    const bytes = Math.max(SEGMENT_HEADER_BYTES, Math.min(segmentBytes, PREALLOCATE_MIN_BYTES))
    let file: File | undefined
    try {
      file = await environment.files.open(path, 'create')
      await writeAll(file, ZEROS.subarray(0, bytes), 0)
      await file.sync()
      return { file, bytes }
    } catch (cause) {
      await file?.close().catch(() => {})
      if (file !== undefined) await environment.files.unlink(path).catch(() => {})
      throw ioError(cause, { doing: 'prepare the next segment', path, outcome: 'not-written' })
    }
  }

  /** Writes the header into a prepared file; it is durable on return. The writer owns the file from here on. */
  static async begin(
    path: string,
    file: File,
    header: SegmentHeader,
    segmentBytes: number,
    allocated: number,
  ): Promise<SegmentWriter> {
    const writer = new SegmentWriter(path, file, header, segmentBytes, allocated)
    const bytes = encodeSegmentHeader(header)
    await writeAllThrough(file, bytes, 0).catch((cause: unknown) => {
      throw ioError(cause, { doing: 'write the header of the segment', path, outcome: 'not-written' })
    })
    writer.#digest.add(bytes.readUInt32LE(12))
    writer.#last = { ...writer.#last, digest: writer.#digest.value }
    writer.#durable = writer.#last
    return writer
  }

  /** Where the last batch ends, with the digest of all frames up to and with it. */
  get last(): Boundary {
    return this.#last
  }

  /** The same for the last batch that is durable: where a successor attaches when the segment breaks. */
  get durable(): Boundary {
    return this.#durable
  }

  /** Where what is durable ends: behind the last durable batch, and behind marks that follow it. */
  get durableBytes(): number {
    return this.#durable.seq === this.#last.seq ? this.#end : this.#durable.offset
  }

  /** The size of the file. */
  get bytes(): number {
    return this.#allocated
  }

  get footerOffset(): number | undefined {
    return this.#footerOffset
  }

  /** Something was written that no sync has covered. */
  get hasUnsynced(): boolean {
    return this.#unsynced
  }

  get broken(): HoldfastError | undefined {
    return this.#broken
  }

  /** A batch of so many bytes would take the segment past its size; an empty segment takes any batch. */
  isFullFor(bytes: number): boolean {
    return this.#last.seq >= this.header.firstSeq && this.#end + bytes > this.#segmentBytes
  }

  /** More than half of the segment is used: time to prepare the next. */
  get isHalfFull(): boolean {
    return this.#end > this.#segmentBytes / 2
  }

  /**
   * Appends a batch. With `disk` it and everything before it are durable on return; with `os` it is in the
   * operating system's hands. `NO_SPACE`: nothing of it is on disk (what had been written was zeroed and
   * that synced), and the segment can be used on.
   */
  async append(batch: FramedBatch, durability: 'disk' | 'os'): Promise<void> {
    this.#assertSound()
    if (batch.firstSeq !== this.#last.seq + 1)
      throw new Error(`a batch of sequence ${batch.firstSeq} behind ${this.#last.seq}`)
    if (!this.#hasRoomFor(batch.frame.length)) await this.#reserve(batch.frame.length)
    try {
      await this.#write(batch.frame, durability)
    } catch (cause) {
      await this.#takeBack(batch.frame.length)
      throw cause
    }
    this.#digest.add(batch.headerChecksum)
    const lastIndexed = this.index.at(-1)
    if (lastIndexed === undefined || this.#end - lastIndexed.offset >= INDEX_STEP_BYTES) {
      this.index.push({ seq: batch.firstSeq, offset: this.#end })
    }
    this.#end += batch.frame.length
    this.#last = { seq: batch.lastSeq, offset: this.#end, digest: this.#digest.value }
    if (!this.#unsynced) this.#durable = this.#last
    this.#allocated = Math.max(this.#allocated, this.#end)
  }

  /** Appends a mark, durable on return. Everything up to `durableSeq` must be durable already. */
  async mark(durableSeq: number, time: number, note: Uint8Array | undefined): Promise<number> {
    this.#assertSound()
    const frame = encodeMark({ durableSeq, time, note }, this.header.salt)
    await this.#reserve(frame.length)
    try {
      await this.#write(frame, 'disk')
    } catch (cause) {
      await this.#takeBack(frame.length)
      throw cause
    }
    this.#digest.add(frame.readUInt32LE(12))
    this.#end += frame.length
    this.#allocated = Math.max(this.#allocated, this.#end)
    return frame.length
  }

  /** Everything that was appended is durable on return. Never tried twice: a failure breaks the segment. */
  async sync(): Promise<void> {
    this.#assertSound()
    if (!this.#unsynced) return
    try {
      await this.#file.sync()
      this.#synced()
    } catch (cause) {
      throw this.#break(ioError(cause, { doing: 'sync the segment', path: this.path, outcome: 'unknown' }))
    }
  }

  /** Ends the segment: footer, and the file cut behind it. Everything in it must be durable. */
  async seal(): Promise<void> {
    this.#assertSound()
    await this.#reserving
    const { seq: lastSeq, digest } = this.#last
    const footer = { lastSeq, count: lastSeq - this.header.firstSeq + 1, digest, index: this.index }
    const frame = encodeFooter(footer, this.header.salt)
    try {
      await writeAllThrough(this.#file, frame, this.#end)
      await this.#file.truncate(this.#end + frame.length)
      await this.#file.sync()
    } catch (cause) {
      throw this.#break(ioError(cause, { doing: 'seal the segment', path: this.path }))
    }
    this.#footerOffset = this.#end
    this.#allocated = this.#end + frame.length
  }

  async close(): Promise<void> {
    await this.#reserving
    await this.#file.close().catch((cause: unknown) => {
      throw ioError(cause, { doing: 'close the segment', path: this.path })
    })
  }

  /** Takes space for what comes next, in the background, if it is running out. Never throws: a failure shows when the space is needed. */
  reserveAhead(lastBatchBytes: number): void {
    if (
      lastBatchBytes > PREALLOCATE_BATCH_MAX_BYTES ||
      this.#reserving !== undefined ||
      this.#broken !== undefined
    )
      return
    const step = this.#step()
    if (this.#allocated >= this.#segmentBytes || this.#allocated - this.#end >= step / 2) return
    this.#startReserving(Math.min(step, this.#segmentBytes - this.#allocated))
  }

  /** There is room for so many bytes, or they will extend the file by themselves. */
  async #reserve(bytes: number): Promise<void> {
    if (this.#hasRoomFor(bytes)) return
    await this.#reserving
    this.#assertSound()
    if (bytes > PREALLOCATE_BATCH_MAX_BYTES || this.#hasRoomFor(bytes)) return
    const room =
      Math.max(this.#end + bytes, Math.min(this.#allocated + this.#step(), this.#segmentBytes)) -
      this.#allocated
    this.#startReserving(room)
    await this.#reserving
    this.#assertSound()
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#end + bytes <= this.#allocated
  }

  #step(): number {
    return Math.min(PREALLOCATE_MAX_BYTES, Math.max(PREALLOCATE_MIN_BYTES, this.#end))
  }

  #startReserving(bytes: number): void {
    this.#reserving = this.#extend(bytes).finally(() => {
      this.#reserving = undefined
    })
  }

  /**
   * Zeros behind what is allocated, durable. Out of space is no failure here: the batch that needs it will
   * meet it. Any other error breaks the segment: the system may have reported, on this occasion and never
   * again, that it lost bytes of ours.
   */
  async #extend(bytes: number): Promise<void> {
    const target = this.#allocated + bytes
    try {
      for (let at = this.#allocated; at < target; at += ZEROS.length) {
        await writeAllThrough(this.#file, ZEROS.subarray(0, Math.min(ZEROS.length, target - at)), at)
        this.#allocated = Math.min(at + ZEROS.length, target)
      }
    } catch (cause) {
      const error = ioError(cause, { doing: 'take space ahead', path: this.path })
      if (error.code !== 'NO_SPACE') this.#break(error)
    }
  }

  async #write(bytes: Buffer, durability: 'disk' | 'os'): Promise<void> {
    const at = this.#end
    let doing = 'write to the segment'
    try {
      if (durability === 'disk' && !this.#unsynced) {
        await writeAllThrough(this.#file, bytes, at)
        return
      }
      await writeAll(this.#file, bytes, at)
      this.#unsynced = true
      if (durability === 'disk') {
        doing = 'sync the segment'
        await this.#file.sync()
        this.#unsynced = false
      }
    } catch (cause) {
      const error = ioError(cause, { doing, path: this.path, offset: at, outcome: 'unknown' })
      // Out of space while writing leaves earlier bytes alone. While syncing, it may be they that are lost.
      throw error.code === 'NO_SPACE' && doing === 'write to the segment' ? error : this.#break(error)
    }
  }

  /** After `NO_SPACE`, the one failure of a write that breaks nothing: what may stand behind the last frame is made zeros again, durably, or the segment is broken. */
  async #takeBack(bytes: number): Promise<void> {
    if (this.#broken !== undefined) return
    try {
      await this.#reserving
      const size = await this.#file.size()
      if (size > this.#allocated) await this.#file.truncate(this.#allocated)
      const end = Math.min(this.#end + bytes, this.#allocated)
      for (let at = this.#end; at < end; at += ZEROS.length) {
        await writeAll(this.#file, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)), at)
      }
      await this.#file.sync()
      this.#synced()
    } catch (second) {
      throw this.#break(
        ioError(second, {
          doing: 'take back a batch that did not fit',
          path: this.path,
          offset: this.#end,
          outcome: 'unknown',
        }),
      )
    }
  }

  #synced(): void {
    this.#unsynced = false
    this.#durable = this.#last
  }

  #break(error: HoldfastError): HoldfastError {
    this.#broken ??= error
    return error
  }

  #assertSound(): void {
    if (this.#broken !== undefined) throw this.#broken
  }
}
