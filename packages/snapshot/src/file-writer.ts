import type { Codec } from '@holdfast/codec'
import { type Environment, HoldfastError, timing } from '@holdfast/environment'
import { ChunkEncoder } from './chunk-encoder.ts'
import { ChunkFile } from './chunk-file.ts'
import { FileSnapshotReader } from './file-reader.ts'
import type { FileHeader } from './header.ts'
import { Pace, type SnapshotPace } from './pace.ts'
import { publish, readBack } from './publish.ts'
import type { PublishedSnapshot, SealedSnapshot, SnapshotEntry, SnapshotWriter } from './snapshot-store.ts'
import { ValueWalker } from './value-walker.ts'

/** What a writer has to know. */
export interface WriterOptions {
  readonly environment: Environment
  readonly header: FileHeader
  readonly codec: Codec<unknown>
  readonly pace: SnapshotPace
  /** What the snapshot is to be. Its bytes are found out. */
  readonly entry: Omit<SnapshotEntry, 'bytes'>
  /** Called with the path of the temporary file when it is there, and again when it is there no longer. */
  readonly onTemporary: (path: string, there: boolean) => void
}

const snapshotTiming = timing('snapshot')

/** A snapshot on its way into a file, which is temporary until it is published. */
export class FileSnapshotWriter implements SnapshotWriter {
  readonly #options: WriterOptions
  readonly #file: ChunkFile
  readonly #chunk: ChunkEncoder
  readonly #walker: ValueWalker
  readonly #pace: Pace
  readonly #timed: ReturnType<typeof snapshotTiming.start>
  /** A call is under way. */
  #busy = false
  #last: { readonly call: 'seal' | 'close'; readonly done: Promise<PublishedSnapshot> } | undefined
  /** Why nothing more can be done: the error that every later call throws. */
  #ended: Error | undefined
  #removal: Promise<void> | undefined

  private constructor(file: ChunkFile, options: WriterOptions) {
    this.#options = options
    this.#file = file
    this.#chunk = new ChunkEncoder(options.codec)
    this.#pace = new Pace(options.environment, options.pace)
    this.#walker = new ValueWalker(this.#chunk, options.codec, this.#pace)
    this.#timed = snapshotTiming.start(options.environment.clock)
  }

  /** Makes the temporary file. */
  static async create(options: WriterOptions): Promise<FileSnapshotWriter> {
    const { entry, header, environment } = options
    const file = await ChunkFile.create(entry.path, header, environment)
    options.onTemporary(file.path, true)
    return new FileSnapshotWriter(file, options)
  }

  write(value: unknown): void | Promise<void> {
    // No promise unless there is something to wait for: a million small values would each pay for one.
    this.#assertReady()
    try {
      if (this.#walker.add(value)) return this.#work(() => this.#goOn())
    } catch (error) {
      return this.#work(() => Promise.reject(error as Error))
    }
  }

  writeAll(values: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    return this.#work(async () => {
      if (Symbol.asyncIterator in values) {
        for await (const value of values) if (this.#add(value)) await this.#goOn()
      } else {
        for (const value of values) if (this.#add(value)) await this.#goOn()
      }
    })
  }

  flush(): Promise<void> {
    return this.#work(() => this.#file.sync())
  }

  seal(): Promise<SealedSnapshot> {
    return this.#once('seal', () => this.#seal())
  }

  close(): Promise<PublishedSnapshot> {
    return this.#once('close', async () => {
      const { temporaryPath, ...sealed } = await this.#seal()
      await publish(temporaryPath, sealed.path, this.#options.environment)
      this.#options.onTemporary(temporaryPath, false)
      return sealed
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= closedError(this.#options.entry.path)
    // A call that is under way comes to see it. Publishing may be past where it looks: then it is published.
    await this.#last?.done.catch(() => {})
    await this.#remove()
  }

  /** The call that ends the writer: made again, it is what it was. */
  #once<T extends PublishedSnapshot>(call: 'seal' | 'close', task: () => Promise<T>): Promise<T> {
    if (this.#last?.call === call) return this.#last.done as Promise<T>
    const isLast = this.#last === undefined && !this.#busy
    const done = this.#work(async () => {
      const made = await task()
      this.#ended = closedError(this.#options.entry.path)
      this.#removal = Promise.resolve()
      return made
    })
    if (isLast) this.#last = { call, done }
    return done
  }

  #add(value: unknown): boolean {
    if (this.#ended !== undefined) throw this.#ended
    return this.#walker.add(value)
  }

  /** Writes the chunk if it is full, lets others have their turn, and goes on with the value that is open. */
  async #goOn(): Promise<void> {
    do {
      if (this.#chunk.isFull) await this.#file.put(this.#chunk)
      await this.#pace.rest()
      if (this.#ended !== undefined) throw this.#ended
    } while (this.#walker.resume())
  }

  async #seal(): Promise<SealedSnapshot> {
    const { entry, header, environment, codec } = this.#options
    const { entries } = this.#walker
    if (entries === 0) {
      throw new HoldfastError('EMPTY_SNAPSHOT', 'the snapshot was closed before anything was written to it', {
        path: entry.path,
      })
    }
    if (!this.#chunk.isEmpty) await this.#file.put(this.#chunk)
    const summary = await this.#file.finish(entries)
    const { bytes, path } = this.#file
    const readerOptions = { environment, storeId: header.storeId, codec, pace: this.#pace }
    await readBack(() => FileSnapshotReader.open({ ...entry, bytes, path }, readerOptions), summary)
    if (this.#ended !== undefined) throw this.#ended
    this.#timed?.({ path: entry.path, bytes, entries, chunks: summary.chunks })
    return { ...entry, bytes, ...summary, temporaryPath: path }
  }

  /** One call at a time; an error of one is the end of all. */
  async #work<T>(task: () => Promise<T>): Promise<T> {
    this.#assertReady()
    this.#busy = true
    try {
      return await task()
    } catch (error) {
      this.#ended ??= error as Error
      await this.#remove()
      throw error
    } finally {
      this.#busy = false
    }
  }

  #remove(): Promise<void> {
    this.#removal ??= this.#file.remove().then(() => this.#options.onTemporary(this.#file.path, false))
    return this.#removal
  }

  #assertReady(): void {
    if (this.#busy) throw overlapping()
    if (this.#ended !== undefined) throw this.#ended
  }
}

function overlapping(): HoldfastError {
  return new HoldfastError(
    'INVALID_ARGUMENT',
    'a call of the snapshot writer was made before the last one was done',
    {
      hint: 'Nothing was done. Await what write() returns, if it returns anything, before the next call.',
    },
  )
}

function closedError(path: string): HoldfastError {
  return new HoldfastError('CLOSED', 'the snapshot writer is closed', {
    path,
    hint: 'Nothing was written. Begin another snapshot.',
  })
}
