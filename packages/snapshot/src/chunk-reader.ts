import { type File, HoldfastError, ioError } from '@holdfast/environment'
import { type Frame, type FrameFault, FrameDigest, FrameReader, StateDigest } from '@holdfast/framing'
import { zstd, zstdMissing } from './compression.ts'
import { decodeFooter } from './footer.ts'
import { COMPRESSED_PREFIX_BYTES, FLAG_ZSTD, KIND, MAX_CHUNK_BYTES, SNAPSHOT_KINDS } from './format.ts'
import { inFile, malformed } from './refusals.ts'
import type { SnapshotCompression, SnapshotSummary } from './snapshot-store.ts'

/** An open snapshot file, as far as its header was read. */
export interface SnapshotFile {
  readonly file: Pick<File, 'read'>
  readonly path: string
  readonly bytes: number
  /** Where the first frame behind the header begins. */
  readonly start: number
  /** What the checksums from there on start from. */
  readonly salt: number
  /** What the header says of the chunks. */
  readonly compression: SnapshotCompression
  /** The checksum of the header frame's header: where the digest of all frames begins. */
  readonly headerChecksum: number
}

/** One pass over the chunks of a file, checking everything that can be checked without decoding a value. */
export class ChunkReader {
  readonly #source: SnapshotFile
  readonly #frames: FrameReader
  readonly #frameDigest: FrameDigest = new FrameDigest()
  readonly #digest: StateDigest = new StateDigest()
  #chunks = 0
  #payloadBytes = 0
  #offset: number
  #summary: SnapshotSummary | undefined

  constructor(source: SnapshotFile) {
    this.#source = source
    this.#offset = source.start
    this.#frameDigest.add(source.headerChecksum)
    this.#frames = new FrameReader(source.file, {
      seed: source.salt,
      start: source.start,
      end: source.bytes,
      kinds: SNAPSHOT_KINDS,
      flags: FLAG_ZSTD,
    })
  }

  /** What the footer says, once `next` has said that there is nothing more; everything agrees with it. */
  get summary(): SnapshotSummary | undefined {
    return this.#summary
  }

  /** What the file still holds behind the last chunk. */
  get bytesLeft(): number {
    return this.#source.bytes - this.#frames.position
  }

  /**
   * The next chunk's payload, before compression, valid until the next call; `undefined` once the footer was
   * read and found right. Throws `SNAPSHOT_CORRUPT`, `UNSUPPORTED_FORMAT`, `UNSUPPORTED`, `IO_ERROR`.
   */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const frame = await this.#frame()
      if (frame.kind === KIND.footer) {
        await this.#finish(frame)
        return undefined
      }
      this.#frameDigest.add(frame.headerChecksum)
      if (frame.skip) continue
      if (frame.kind !== KIND.chunk) throw this.#corrupt('a second header stands between the chunks')
      const payload = await this.#payload(frame)
      this.#digest.update(payload)
      this.#chunks++
      this.#payloadBytes += payload.length
      return payload
    }
  }

  /** The error of a chunk that was found wrong only when it was decoded. */
  located(error: unknown): unknown {
    return inFile(error, 'a chunk', this.#source.path, this.#offset)
  }

  async #frame(): Promise<Frame> {
    const result = await this.#result()
    this.#offset = result.offset
    if (result.type === 'end') throw this.#corrupt('the file ends before its footer')
    if (result.type === 'fault') throw faultError(result, this.#source.path)
    return result
  }

  async #result() {
    try {
      return await this.#frames.next()
    } catch (cause) {
      const { path } = this.#source
      throw ioError(cause, { doing: 'read a snapshot', path, offset: this.#frames.position })
    }
  }

  async #payload(frame: Frame): Promise<Buffer> {
    if ((frame.flags & FLAG_ZSTD) === 0) {
      if (frame.payload.length > MAX_CHUNK_BYTES)
        throw this.#corrupt('a chunk is larger than the format allows')
      return frame.payload
    }
    if (this.#source.compression !== 'zstd')
      throw this.#corrupt('a compressed chunk in a snapshot that has none')
    if (zstd === undefined) throw zstdMissing(this.#source.path)
    try {
      if (frame.payload.length < COMPRESSED_PREFIX_BYTES) throw malformed('a compressed chunk has no size')
      const bytes = frame.payload.readUInt32LE(0)
      return await zstd.decompress(frame.payload.subarray(COMPRESSED_PREFIX_BYTES), bytes)
    } catch (error) {
      throw this.located(error)
    }
  }

  async #finish(frame: Frame): Promise<void> {
    const footer = this.#footer(frame)
    const found = {
      chunks: this.#chunks,
      payloadBytes: this.#payloadBytes,
      digest: this.#digest.finish(),
      frames: this.#frameDigest.value,
    }
    for (const [name, value] of Object.entries(found)) {
      const expected = footer[name as keyof typeof found]
      if (value !== expected) {
        throw this.#corrupt(`its footer says ${name} ${expected}, and its chunks say ${value}`)
      }
    }
    const behind = await this.#result()
    if (behind.type !== 'end') throw this.#corrupt('there are bytes behind its footer')
    const { entries, chunks, payloadBytes, digest } = footer
    this.#summary = { entries, chunks, payloadBytes, digest }
  }

  #footer(frame: Frame) {
    if (frame.flags !== 0) throw this.#corrupt('a footer is never compressed')
    try {
      return decodeFooter(frame.payload)
    } catch (error) {
      throw inFile(error, 'the footer', this.#source.path, this.#offset)
    }
  }

  #corrupt(reason: string): HoldfastError {
    return new HoldfastError('SNAPSHOT_CORRUPT', reason, { path: this.#source.path, offset: this.#offset })
  }
}

/** What a frame that is none means in a snapshot, which was whole and synced before it got its name. */
export function faultError(fault: FrameFault, path: string): HoldfastError {
  const { reason, offset, newerVersion } = fault
  if (newerVersion !== undefined || reason === 'kind' || reason === 'flags') {
    const what = newerVersion === undefined ? `has a new ${reason}` : `has version ${newerVersion}`
    return new HoldfastError('UNSUPPORTED_FORMAT', `a frame of a newer format: it ${what}`, { path, offset })
  }
  return new HoldfastError('SNAPSHOT_CORRUPT', `no frame, but ${FAULTS[reason]}`, {
    path,
    offset,
    details: { reason },
  })
}

const FAULTS: Readonly<Record<Exclude<FrameFault['reason'], 'kind' | 'flags'>, string>> = {
  zeros: 'zeros',
  'header-checksum': 'a header with a wrong checksum',
  version: 'a version that does not exist',
  length: 'a length that the format does not allow',
  truncated: 'one that is cut off',
  'payload-checksum': 'a payload with a wrong checksum',
  padding: 'padding that is not zeros',
}
