import {
  type Environment,
  errnoOf,
  type File,
  HoldfastError,
  ioError,
  temporaryName,
  writeAll,
} from '@holdfast/environment'
import { FRAME_HEADER_BYTES, FrameDigest, frameBytes, sealFrame, StateDigest } from '@holdfast/framing'
import type { ChunkEncoder } from './chunk-encoder.ts'
import { zstd } from './compression.ts'
import { FOOTER_BYTES, writeFooter } from './footer.ts'
import { COMPRESSED_PREFIX_BYTES, FLAG_ZSTD, KIND, MAX_CHUNK_BYTES } from './format.ts'
import { encodeHeader, type FileHeader } from './header.ts'
import type { SnapshotSummary } from './snapshot-store.ts'

/**
 * A snapshot file that is being written, under its temporary name. One chunk is on its way into the file
 * while the next is being made: no more than that is in memory. Calls must not overlap.
 */
export class ChunkFile {
  /** Where it is, until it is published. */
  readonly path: string
  readonly #environment: Environment
  readonly #file: File
  readonly #header: FileHeader
  readonly #digest: StateDigest = new StateDigest()
  readonly #frames: FrameDigest = new FrameDigest()
  /** What is on its way into the file: free again once `#inFlight` is settled. */
  #buffer: Buffer = Buffer.alloc(0)
  #inFlight: Promise<void> = Promise.resolve()
  #isRemoved = false
  #bytes = 0
  #chunks = 0
  #payloadBytes = 0

  private constructor(path: string, file: File, header: FileHeader, environment: Environment) {
    this.path = path
    this.#file = file
    this.#header = header
    this.#environment = environment
  }

  /**
   * Makes the file beside `published`, where it will be renamed to, and writes its header.
   * Throws `IO_ERROR`, `NO_SPACE`, and leaves nothing behind then.
   */
  static async create(published: string, header: FileHeader, environment: Environment): Promise<ChunkFile> {
    const path = temporaryName(published, environment.random)
    const file = await environment.files.open(path, 'create').catch(async (cause: unknown) => {
      // It may have been made all the same. What was there before is not ours.
      if (errnoOf(cause) !== 'EEXIST') await environment.files.unlink(path).catch(() => {})
      throw ioError(cause, { doing: 'make a snapshot file', path, outcome: 'not-written' })
    })
    const chunkFile = new ChunkFile(path, file, header, environment)
    try {
      const frame = encodeHeader(header)
      chunkFile.#frames.add(frame.readUInt32LE(FRAME_HEADER_BYTES - 4))
      await chunkFile.#write(frame)
    } catch (error) {
      await chunkFile.remove()
      throw error
    }
    return chunkFile
  }

  /** The size of the file so far. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Cuts the open chunk and begins to write it. Throws `IO_ERROR` or `NO_SPACE` where the one before it could
   * not be written: what becomes of this one is heard from the next call.
   */
  async put(chunk: ChunkEncoder): Promise<void> {
    await this.#inFlight
    if (this.#isRemoved) throw new HoldfastError('CLOSED', 'the snapshot was given up', { path: this.path })
    const { payloadBytes } = chunk
    // Only a codec that makes much more of a value than the value is could get here.
    if (payloadBytes > MAX_CHUNK_BYTES) throw tooLarge(payloadBytes, this.path)
    this.#reserve(payloadBytes)
    chunk.cut(this.#buffer, FRAME_HEADER_BYTES)
    const payload = this.#buffer.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payloadBytes)
    this.#digest.update(payload)
    this.#chunks++
    this.#payloadBytes += payloadBytes
    const isCompressed = this.#header.compression === 'zstd'
    // The next call hears of an error. If there is none any more, nobody asked.
    this.#then(() =>
      isCompressed ? this.#putCompressed(payload) : this.#seal(KIND.chunk, 0, payloadBytes),
    ).catch(() => {})
  }

  /** Everything that was put is on the disk when this returns. */
  sync(): Promise<void> {
    return this.#then(() => this.#attempt('sync a snapshot', () => this.#file.sync()))
  }

  /** Ends the file: the footer is written, everything is synced, the descriptor is given back. */
  async finish(entries: number): Promise<SnapshotSummary> {
    const digest = this.#digest.finish()
    const summary = { entries, chunks: this.#chunks, payloadBytes: this.#payloadBytes, digest }
    await this.#then(async () => {
      this.#reserve(FOOTER_BYTES)
      writeFooter({ ...summary, frames: this.#frames.value }, this.#buffer, FRAME_HEADER_BYTES)
      await this.#seal(KIND.footer, 0, FOOTER_BYTES)
    })
    await this.sync()
    await this.#then(() => this.#attempt('close a snapshot', () => this.#file.close()))
    return summary
  }

  /** Closes and removes it, as far as the file system lets: what is left is cleaned up by the next writer. */
  async remove(): Promise<void> {
    this.#isRemoved = true
    await this.#inFlight.catch(() => {})
    await this.#file.close().catch(() => {})
    await this.#environment.files.unlink(this.path).catch(() => {})
  }

  /** Does it once everything before it is done. After an error nothing more is done. */
  #then(task: () => Promise<void>): Promise<void> {
    const done = this.#inFlight.then(task)
    this.#inFlight = done
    return done
  }

  async #putCompressed(payload: Buffer): Promise<void> {
    const compressed = await (zstd as NonNullable<typeof zstd>).compress(payload)
    const bytes = COMPRESSED_PREFIX_BYTES + compressed.length
    if (bytes >= payload.length) return this.#seal(KIND.chunk, 0, payload.length)
    this.#buffer.writeUInt32LE(payload.length, FRAME_HEADER_BYTES)
    compressed.copy(this.#buffer, FRAME_HEADER_BYTES + COMPRESSED_PREFIX_BYTES)
    return this.#seal(KIND.chunk, FLAG_ZSTD, bytes)
  }

  /** Makes a frame around the payload that stands in the buffer, and writes it. */
  async #seal(kind: number, flags: number, payloadBytes: number): Promise<void> {
    const { end, headerChecksum } = sealFrame(this.#buffer, 0, kind, flags, payloadBytes, this.#header.salt)
    this.#frames.add(headerChecksum)
    await this.#write(this.#buffer.subarray(0, end))
  }

  async #write(bytes: Buffer): Promise<void> {
    await this.#attempt('write a snapshot', () => writeAll(this.#file, bytes, this.#bytes))
    this.#bytes += bytes.length
  }

  #reserve(payloadBytes: number): void {
    const bytes = frameBytes(payloadBytes)
    if (bytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(bytes)
  }

  async #attempt(doing: string, run: () => Promise<void>): Promise<void> {
    try {
      await run()
    } catch (cause) {
      throw ioError(cause, { doing, path: this.path, offset: this.#bytes, outcome: 'not-written' })
    }
  }
}

function tooLarge(bytes: number, path: string): HoldfastError {
  const reason = `a chunk of ${bytes} bytes is more than the format allows`
  return new HoldfastError('SNAPSHOT_FAILED', reason, {
    path,
    hint: 'Nothing was published. Use a codec that needs less room, or write smaller values.',
  })
}
