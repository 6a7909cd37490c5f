/*
 * Which segment is appended to, and how one follows another.
 *
 * A rotation costs the commit path one synced write, the header of the next segment. All else is done
 * ahead of it or behind it: the next file is made, filled with zeros, synced and named in the manifest
 * while the current one fills up (under a name with sequence 0, since its first is not known yet); the
 * old segment's footer, the new one's name and the manifest follow in the background. Whatever of that
 * a crash cuts off, the headers alone say what the log is.
 */
import { ioError, joinPath, temporaryName, type File, type HoldfastError } from '@holdfast/environment'
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from './format.ts'
import type { LogClock } from './log-clock.ts'
import type { Manifest } from './manifest.ts'
import type { Boundary } from './plan.ts'
import type { CatalogSegment, SegmentCatalog } from './segment-catalog.ts'
import { removeFiles } from './remove-files.ts'
import { segmentName } from './segment-name.ts'
import { SegmentWriter, type FramedBatch } from './segment-writer.ts'
import type { StoreDirectory } from './store-directory.ts'

interface Prepared {
  readonly id: number
  readonly salt: number
  readonly path: string
  readonly file: File
  readonly bytes: number
}

/** Where the next segment attaches: a segment, and the last batch that counts in it. Segment 0: nowhere, it is the first. */
export interface Attachment {
  readonly segmentId: number
  readonly boundary: Boundary
}

export interface RollerOptions {
  readonly segmentBytes: number
  readonly codec: string
  readonly machineVersion: number
  /** Work in the background failed. */
  readonly warned: (error: HoldfastError) => void
}

export class SegmentRoller {
  readonly #directory: StoreDirectory
  readonly #catalog: SegmentCatalog
  readonly #clock: LogClock
  readonly #options: RollerOptions
  #attachment: Attachment
  #current: SegmentWriter | undefined
  #prepared: Promise<Prepared> | undefined
  /** Files that the manifest must name and that are not in the catalog yet: prepared, or about to be. */
  readonly #named: Set<Prepared> = new Set()
  /**
   * A file whose header was said to have failed. It may stand there all the same, and end the current segment
   * where that stood then: until the file is gone, nothing may be appended.
   */
  #spoiled: Prepared | undefined
  /** Blank files that the manifest may name although it should not: they go once one is written that doesn't. */
  readonly #discarded: Set<Prepared> = new Set()
  /** Preparing ahead failed: the next rotation tries again, and is the one to report it. */
  #preparingFailed = false
  #background: Promise<void> = Promise.resolve()
  rotations = 0

  constructor(
    directory: StoreDirectory,
    catalog: SegmentCatalog,
    clock: LogClock,
    attachment: Attachment,
    options: RollerOptions,
  ) {
    this.#directory = directory
    this.#catalog = catalog
    this.#clock = clock
    this.#attachment = attachment
    this.#options = options
  }

  get current(): SegmentWriter | undefined {
    return this.#current
  }

  /** The current segment, if a batch of so many bytes goes to it just like that. */
  currentFor(bytes: number): SegmentWriter | undefined {
    if (this.#spoiled !== undefined || this.#current?.isFullFor(bytes)) return undefined
    return this.#current
  }

  /** The segment that a batch of so many bytes goes to; begun here if it takes a new one. Everything in the old one is durable then. */
  async segmentFor(bytes: number): Promise<SegmentWriter> {
    if (this.#spoiled !== undefined) await this.#removeUnusable()
    const current = this.currentFor(bytes)
    if (current !== undefined) return current
    return this.#rotate(this.#current)
  }

  async #rotate(current: SegmentWriter | undefined): Promise<SegmentWriter> {
    await current?.sync()
    // One rotation's tidying at a time: each holds descriptors, and small segments could outrun it.
    await this.#background
    await this.#removeUnusable()
    this.#preparingFailed = false
    const pending = this.#prepared ?? this.#prepare()
    this.#prepared = undefined
    const prepared = await pending
    await this.#assertNotFenced(prepared)
    const attachment = this.#attachmentOf(current)
    const header = this.#header(prepared.id, prepared.salt, attachment, this.#options)
    let next: SegmentWriter
    try {
      next = await SegmentWriter.begin(
        prepared.path,
        prepared.file,
        header,
        this.#options.segmentBytes,
        prepared.bytes,
      )
    } catch (error) {
      this.#spoiled = prepared
      throw error
    }
    const ended = this.#catalog.newest
    const entry = this.#follow(current, attachment, next)
    this.#named.delete(prepared)
    if (current !== undefined && ended !== undefined) {
      this.rotations += 1
      this.inBackground(() => this.#seal(current, ended))
    }
    this.inBackground(() => this.#giveName(entry, next))
    this.inBackground(() => this.saveCatalog())
    return next
  }

  /** Behind a commit: takes space ahead, and prepares the next segment when the current one is half full. */
  lookAhead(lastBatchBytes: number): void {
    const current = this.#current as SegmentWriter
    current.reserveAhead(lastBatchBytes)
    if (!current.isHalfFull || this.#prepared !== undefined || this.#preparingFailed) return
    const prepared = this.#prepare()
    this.#prepared = prepared
    prepared.catch(() => {
      this.#preparingFailed = true
      this.#prepared = undefined
    })
  }

  /**
   * A new segment behind the last durable batch, with these batches in it from the start: written under a
   * temporary name, synced, marked, synced, renamed, directory synced, named in the manifest. Until the
   * rename what stands in the old segment counts. From then on the new header says where the old one ends,
   * so that at no moment a batch counts twice or not at all. It is the current segment on return.
   *
   * `as` is set where the batches were written by another codec or machine version than this log's.
   */
  async publish(
    batchesFor: (salt: number) => Iterable<FramedBatch> | AsyncIterable<FramedBatch>,
    mark: { readonly time: number; readonly note: Uint8Array | undefined },
    as: Pick<SegmentHeader, 'codec' | 'machineVersion'> = this.#options,
  ): Promise<SegmentWriter> {
    await this.#background
    await this.#removeUnusable()
    const { environment, walPath } = this.#directory
    const old = this.#current
    const attachment = this.#attachmentOf(old)
    const id = await this.#directory.nextId()
    const header = this.#header(id, environment.random.uint32(), attachment, as)
    const path = joinPath(walPath, segmentName(header.firstSeq, header.id))
    const temporary = temporaryName(path, environment.random)
    const { file, bytes } = await SegmentWriter.prepare(environment, temporary, SEGMENT_HEADER_BYTES)
    let writer: SegmentWriter
    try {
      writer = await SegmentWriter.begin(temporary, file, header, this.#options.segmentBytes, bytes)
      for await (const batch of batchesFor(header.salt)) await writer.append(batch, 'os')
      await writer.sync()
      await writer.mark(writer.last.seq, mark.time, mark.note)
      await environment.files.rename(temporary, path)
      writer.path = path
      await environment.files.syncDirectory(walPath)
    } catch (cause) {
      await file.close().catch(() => {})
      await environment.files.unlink(temporary).catch(() => {})
      throw ioError(cause, { doing: 'publish a new segment', path, outcome: 'unknown' })
    }
    this.#follow(old, attachment, writer)
    try {
      await this.saveCatalog()
    } finally {
      // Its bytes are void or elsewhere by now: nothing hangs on how this ends.
      await old?.close().catch(() => {})
    }
    return writer
  }

  /** Ends the current segment with a footer; the next batch, if there is one, begins another. Everything in it must be durable. */
  async sealCurrent(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    this.#attachment = this.#attachmentOf(current)
    this.#current = undefined
    const entry = this.#catalog.newest as CatalogSegment
    this.#end(entry, current.last)
    await this.#seal(current, entry)
  }

  /** Runs it after what is in the background already. A failure is reported, and nothing hangs on it. */
  inBackground(work: () => Promise<void>): void {
    this.#background = this.#background.then(work).catch((error: unknown) => {
      this.#options.warned(ioError(error, { doing: 'tidy up behind the log', path: this.#directory.walPath }))
    })
  }

  settled(): Promise<void> {
    return this.#background
  }

  /** The manifest says what the catalog says, names what is prepared, and says `change` besides. */
  saveCatalog(change: Pick<Manifest, 'clean'> = {}): Promise<void> {
    return this.#directory.update((manifest) => ({
      ...manifest,
      ...change,
      trimmedThrough: this.#catalog.trimmedThrough,
      lastTime: this.#clock.lastTime,
      segments: [
        ...this.#catalog.toManifest(),
        ...[...this.#named].map(({ id, salt, bytes }) => ({ id, salt, bytes })),
      ],
    }))
  }

  /** The prepared segment, if there is one, is given back: its file can go once the manifest no longer names it. */
  async takePrepared(): Promise<Prepared | undefined> {
    const prepared = await this.#prepared?.catch(() => undefined)
    this.#prepared = undefined
    if (prepared !== undefined) this.#named.delete(prepared)
    await prepared?.file.close().catch(() => {})
    return prepared
  }

  /** Gives the descriptors back and changes nothing; for a log that has failed. */
  async abandon(): Promise<void> {
    await this.#background
    await this.takePrepared()
    await this.#spoiled?.file.close().catch(() => {})
    await this.#current?.close().catch(() => {})
    this.#current = undefined
  }

  async #prepare(): Promise<Prepared> {
    const { environment, walPath } = this.#directory
    const id = await this.#directory.nextId()
    const path = joinPath(walPath, segmentName(0, id))
    const { file, bytes } = await SegmentWriter.prepare(environment, path, this.#options.segmentBytes)
    const prepared: Prepared = { id, salt: environment.random.uint32(), path, file, bytes }
    try {
      await environment.files.syncDirectory(walPath)
      this.#named.add(prepared)
      await this.saveCatalog()
    } catch (cause) {
      await file.close().catch(() => {})
      // Also where this manifest was not written: one that was under way before it may have the name already.
      if (this.#named.delete(prepared)) this.#discarded.add(prepared)
      else await environment.files.unlink(path).catch(() => {})
      throw ioError(cause, { doing: 'prepare the next segment', path, outcome: 'not-written' })
    }
    return prepared
  }

  /** Before it goes on in another segment: is this still the writer? */
  async #assertNotFenced(prepared: Prepared): Promise<void> {
    try {
      await this.#directory.assertNotFenced()
    } catch (error) {
      await prepared.file.close().catch(() => {})
      this.#named.delete(prepared)
      this.#discarded.add(prepared)
      throw error
    }
  }

  #attachmentOf(current: SegmentWriter | undefined): Attachment {
    return current === undefined
      ? this.#attachment
      : { segmentId: current.header.id, boundary: current.durable }
  }

  #header(
    id: number,
    salt: number,
    { segmentId, boundary }: Attachment,
    as: Pick<SegmentHeader, 'codec' | 'machineVersion'>,
  ): SegmentHeader {
    return {
      id,
      salt,
      storeId: this.#directory.storeId,
      epoch: this.#directory.epoch,
      firstSeq: boundary.seq + 1,
      predecessor: { id: segmentId, lastSeq: boundary.seq, digest: boundary.digest },
      machineVersion: as.machineVersion,
      codec: as.codec,
    }
  }

  /** The new segment takes the place of the old one, which ends where the new one attaches. */
  #follow(old: SegmentWriter | undefined, attachment: Attachment, next: SegmentWriter): CatalogSegment {
    const previous = this.#catalog.newest
    if (previous !== undefined) {
      this.#end(previous, attachment.boundary)
      if (old !== undefined) previous.index = old.index
    }
    const { id, salt, firstSeq } = next.header
    const entry: CatalogSegment = {
      id,
      salt,
      firstSeq,
      path: next.path,
      end: undefined,
      countedBytes: next.last.offset,
      bytes: next.bytes,
      // All of it is durable. What it grows by may not be when a manifest is written.
      firstBytes: next.bytes,
      footerOffset: undefined,
      index: next.index,
    }
    this.#catalog.add(entry)
    this.#current = next
    return entry
  }

  #end(entry: CatalogSegment, boundary: Boundary): void {
    entry.end = { seq: boundary.seq, digest: boundary.digest }
    entry.countedBytes = boundary.offset
  }

  async #seal(writer: SegmentWriter, entry: CatalogSegment): Promise<void> {
    try {
      await writer.seal()
      entry.bytes = writer.bytes
      entry.footerOffset = writer.footerOffset
    } finally {
      await writer.close()
    }
  }

  async #giveName(entry: CatalogSegment, writer: SegmentWriter): Promise<void> {
    const { environment, walPath } = this.#directory
    const path = joinPath(walPath, segmentName(entry.firstSeq, entry.id))
    try {
      await environment.files.rename(writer.path, path)
    } catch (cause) {
      // One that was said to have failed may have been made all the same.
      if ((await environment.files.stat(path)) === undefined) throw cause
    }
    writer.path = path
    entry.path = path
    await environment.files.syncDirectory(walPath)
  }

  async #removeUnusable(): Promise<void> {
    const files = [...this.#discarded, ...(this.#spoiled === undefined ? [] : [this.#spoiled])]
    if (files.length === 0) return
    await this.#spoiled?.file.close().catch(() => {})
    for (const file of files) this.#named.delete(file)
    await this.saveCatalog()
    await removeFiles(this.#directory.environment, this.#directory.walPath, files)
    for (const file of files) this.#discarded.delete(file)
    this.#spoiled = undefined
  }
}
