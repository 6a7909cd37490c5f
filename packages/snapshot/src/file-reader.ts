import { bytesCodec, type Codec, messagePackCodec } from '@holdfast/codec'
import { type Environment, type File, HoldfastError, ioError } from '@holdfast/environment'
import { type Frame, FORMAT_SEED, FrameReader } from '@holdfast/framing'
import { ChunkDecoder } from './chunk-decoder.ts'
import { ChunkReader, faultError, type SnapshotFile } from './chunk-reader.ts'
import { zstd, zstdMissing } from './compression.ts'
import { FLAG_ZSTD, FORMAT_VERSION, KIND, SNAPSHOT_KINDS } from './format.ts'
import { decodeHeader, type FileHeader } from './header.ts'
import type { Pace } from './pace.ts'
import { inFile } from './refusals.ts'
import type { SnapshotEntry, SnapshotHeader, SnapshotReader, SnapshotSummary } from './snapshot-store.ts'
import { turn } from './turn.ts'

/** What a reader has to know beside the entry. */
export interface ReaderOptions {
  readonly environment: Environment
  /** The store that the snapshot must belong to. `undefined`: any. */
  readonly storeId: Uint8Array | undefined
  /** Tried before the codecs that are always there. */
  readonly codec: Codec<unknown>
  /** Whoever has just written it shares the event loop while it is verified. */
  readonly pace?: Pace
}

/** The header fits into this; the rest of the file is read by passes of their own. */
const HEADER_WINDOW_BYTES = 4096

/** A snapshot in a file. */
export class FileSnapshotReader implements SnapshotReader {
  readonly entry: SnapshotEntry
  readonly header: SnapshotHeader
  readonly #environment: Environment
  readonly #file: File
  readonly #source: SnapshotFile
  readonly #codec: Codec<unknown>
  readonly #pace: Pace | undefined
  #summary: SnapshotSummary | undefined
  #closed = false

  private constructor(
    entry: SnapshotEntry,
    opened: OpenedFile,
    codec: Codec<unknown>,
    { environment, pace }: ReaderOptions,
  ) {
    const { salt: _salt, ...header } = opened.header
    this.entry = entry
    this.header = { formatVersion: FORMAT_VERSION, ...header }
    this.#environment = environment
    this.#file = opened.file
    this.#source = opened.source
    this.#codec = codec
    this.#pace = pace
  }

  /** Opens the file and checks its header against the entry. Leaves nothing open where it throws. */
  static async open(entry: SnapshotEntry, options: ReaderOptions): Promise<FileSnapshotReader> {
    const { environment } = options
    const { path } = entry
    const file = await openToRead(path, environment)
    try {
      const opened = await openFile(file, path)
      assertBelongs(opened.header, entry, options.storeId)
      if (opened.header.compression === 'zstd' && zstd === undefined) throw zstdMissing(path)
      const codec = codecFor(opened.header.codec, options.codec, path)
      return new FileSnapshotReader(entry, opened, codec, options)
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
  }

  get summary(): SnapshotSummary | undefined {
    return this.#summary
  }

  async verify(): Promise<SnapshotSummary> {
    const chunks = new ChunkReader(this.#source)
    while ((await this.#next(chunks)) !== undefined) await this.#pace?.rest()
    this.#summary = chunks.summary as SnapshotSummary
    return this.#summary
  }

  async *batches(): AsyncGenerator<unknown[], void, undefined> {
    const chunks = new ChunkReader(this.#source)
    const decoder = new ChunkDecoder(this.#codec)
    let entries = 0
    for (let payload = await this.#next(chunks); payload !== undefined; payload = await this.#next(chunks)) {
      const values = decoded(() => decoder.decode(payload, chunks.bytesLeft), chunks)
      entries += values.length
      if (values.length > 0) yield values
      await turn(this.#environment)
    }
    decoded(() => decoder.finish(), chunks)
    const summary = chunks.summary as SnapshotSummary
    if (summary.entries !== entries) {
      const reason = `its footer says ${summary.entries} values, and there are ${entries}`
      throw new HoldfastError('SNAPSHOT_CORRUPT', reason, { path: this.entry.path })
    }
    this.#summary = summary
  }

  async *values(): AsyncGenerator<unknown, void, undefined> {
    for await (const values of this.batches()) for (const value of values) yield value
  }

  async close(): Promise<void> {
    this.#closed = true
    const { path } = this.entry
    await this.#file.close().catch((cause: unknown) => {
      throw ioError(cause, { doing: 'close a snapshot', path })
    })
  }

  async #next(chunks: ChunkReader): Promise<Buffer | undefined> {
    this.#assertOpen()
    try {
      return await chunks.next()
    } catch (error) {
      // What a read says of a file that was closed under it is not what happened.
      this.#assertOpen()
      throw error
    }
  }

  #assertOpen(): void {
    if (this.#closed)
      throw new HoldfastError('CLOSED', 'the snapshot reader is closed', { path: this.entry.path })
  }
}

/** What the header of a snapshot says, whether or not the rest could be read here. Throws as `open` does. */
export async function readHeader(entry: SnapshotEntry, environment: Environment): Promise<FileHeader> {
  const file = await openToRead(entry.path, environment)
  try {
    const { header } = await openFile(file, entry.path)
    assertBelongs(header, entry, undefined)
    return header
  } finally {
    await file.close().catch(() => {})
  }
}

async function openToRead(path: string, { files }: Environment): Promise<File> {
  try {
    return await files.open(path, 'read')
  } catch (cause) {
    throw ioError(cause, { doing: 'open a snapshot', path })
  }
}

function decoded<T>(decode: () => T, chunks: ChunkReader): T {
  try {
    return decode()
  } catch (error) {
    throw chunks.located(error)
  }
}

interface OpenedFile {
  readonly file: File
  readonly header: FileHeader
  readonly source: SnapshotFile
}

async function openFile(file: File, path: string): Promise<OpenedFile> {
  const { bytes, frame } = await readHeaderFrame(file, path)
  try {
    const header = decodeHeader(frame.payload, path)
    const { salt, compression } = header
    const source = {
      file,
      path,
      bytes,
      start: frame.end,
      salt,
      compression,
      headerChecksum: frame.headerChecksum,
    }
    return { file, header, source }
  } catch (error) {
    throw inFile(error, 'the header', path, 0)
  }
}

async function readHeaderFrame(file: File, path: string): Promise<{ bytes: number; frame: Frame }> {
  try {
    const bytes = await file.size()
    const frames = new FrameReader(file, {
      seed: FORMAT_SEED,
      start: 0,
      end: bytes,
      kinds: SNAPSHOT_KINDS,
      flags: FLAG_ZSTD,
      windowBytes: HEADER_WINDOW_BYTES,
    })
    const frame = await frames.next()
    if (frame.type === 'fault') throw faultError(frame, path)
    if (frame.type === 'end')
      throw new HoldfastError('SNAPSHOT_CORRUPT', 'the file is empty', { path, offset: 0 })
    if (frame.kind !== KIND.header || frame.flags !== 0) {
      throw new HoldfastError('FOREIGN_FILE', 'the file does not begin like a snapshot', { path })
    }
    return { bytes, frame }
  } catch (cause) {
    throw ioError(cause, { doing: 'read the header of a snapshot', path, offset: 0 })
  }
}

/** A copy from another store, or under another name, would be restored as a state that it is not. */
function assertBelongs(header: FileHeader, entry: SnapshotEntry, storeId: Uint8Array | undefined): void {
  const { path } = entry
  if (storeId !== undefined && Buffer.compare(header.storeId, storeId) !== 0) {
    throw new HoldfastError('FOREIGN_FILE', 'the snapshot belongs to another store', { path })
  }
  if (header.seq !== entry.seq || header.id !== entry.id) {
    const own = `snapshot ${header.id} at sequence ${header.seq}`
    throw new HoldfastError('FOREIGN_FILE', `the file holds ${own}, which is not what its name says`, {
      path,
    })
  }
}

function codecFor(id: string, first: Codec<unknown>, path: string): Codec<unknown> {
  const codec = [first, messagePackCodec, bytesCodec].find((known) => known.id === id)
  if (codec === undefined) {
    throw new HoldfastError('UNSUPPORTED', `the snapshot was written with the codec ${JSON.stringify(id)}`, {
      path,
      hint: 'Nothing was changed. Pass the codec of that id.',
    })
  }
  return codec
}
