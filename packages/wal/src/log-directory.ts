import type { Codec } from '@holdfast/codec'
import { HoldfastError, ioError, type Environment, type File } from '@holdfast/environment'
import { encodeFrame, FORMAT_SEED, FrameReader } from '@holdfast/framing'
import {
  assertCodecId,
  decodeBatch,
  decodeSegmentHeader,
  KIND,
  SEGMENT_KINDS,
  type SegmentHeader,
  SEGMENT_HEADER_BYTES,
} from './format.ts'
import { LogClock } from './log-clock.ts'
import type { CommitConsumer, Log, LogScan, LogStore, ScanOptions } from './log.ts'
import type { Boundary, LogPlan, SegmentReport } from './plan.ts'
import { removeFiles } from './remove-files.ts'
import { SegmentScan } from './scan.ts'
import { SegmentCatalog } from './segment-catalog.ts'
import { SegmentLog, type SegmentLogOptions } from './segment-log.ts'
import { SegmentRoller, type Attachment } from './segment-roller.ts'
import type { FramedBatch } from './segment-writer.ts'
import type { StoreDirectory } from './store-directory.ts'
import { checkLogOptions, type LogOptions } from './log-options.ts'

/** The log of a store directory. `scan` reads it, `open` writes. */
export class LogDirectory<T, W> implements LogStore<T, W> {
  readonly #directory: StoreDirectory
  readonly #codec: Codec<T>
  readonly #options: Required<LogOptions>

  /** Throws `INVALID_ARGUMENT` for options that are out of range, and for a codec whose id is. */
  constructor(directory: StoreDirectory, codec: Codec<T>, options: LogOptions = {}) {
    this.#directory = directory
    this.#codec = codec
    assertCodecId(codec.id)
    this.#options = checkLogOptions(options)
  }

  scan(options: ScanOptions): LogScan {
    return new SegmentScan(this.#directory, options)
  }

  /**
   * Opens the log for appending, in this order: the epoch is raised, durably; what no longer belongs here
   * is removed; survivors are written again to a new segment. No segment is made otherwise: that is for the
   * first append. A crash in between leaves what the next pass finds again.
   */
  async open(
    plan: LogPlan,
    consumer: CommitConsumer<T, W>,
  ): Promise<Log<T, W> & { readonly backup: SegmentLog<T, W>['backup'] }> {
    if (plan.refusal !== undefined) throw plan.refusal
    const directory = this.#directory
    const catalog = catalogOf(plan, directory)
    const clock = new LogClock(directory.environment.clock, plan.lastTime)
    const attachment: Attachment = plan.attach ?? {
      segmentId: 0,
      boundary: { seq: plan.lastSeq, offset: 0, digest: 0 },
    }
    const { segmentBytes, machineVersion } = this.#options
    const roller = new SegmentRoller(directory, catalog, clock, attachment, {
      segmentBytes,
      machineVersion,
      codec: this.#codec.id,
      // Nothing goes on in the background before the log is there.
      warned: (error) => log.warn(error),
    })
    // A name that a writer which died gave a segment may not be durable yet. What the manifest names has to be.
    if (plan.segments.length > 0) await syncNames(directory)
    await directory.beginEpoch((manifest) => ({
      ...manifest,
      lastTime: clock.lastTime,
      segments: catalog.toManifest(),
    }))
    try {
      await this.#removeLeftovers(plan)
      if (plan.survivors !== undefined)
        await this.#writeSurvivors(plan, attachment.boundary, roller, consumer)
    } catch (error) {
      await roller.abandon()
      throw error
    }
    const options: SegmentLogOptions = this.#options
    const log = new SegmentLog(
      { directory, catalog, roller, clock, consumer },
      this.#codec,
      options,
      plan.lastSeq,
    )
    return log
  }

  /** Files that a crash left behind and that hold nothing: temporary ones, prepared ones, trimmed ones. */
  async #removeLeftovers(plan: LogPlan): Promise<void> {
    const { environment, walPath } = this.#directory
    const leftovers = plan.ignored.filter((file) => file.remove)
    try {
      await this.#directory.cleanTemporaries()
    } catch (cause) {
      throw ioError(cause, { doing: 'remove what a crash left behind', path: this.#directory.path })
    }
    await removeFiles(environment, walPath, leftovers)
  }

  /** They are what the last segment holds behind `proven`. */
  async #writeSurvivors(
    plan: LogPlan,
    proven: Boundary,
    roller: SegmentRoller,
    consumer: CommitConsumer<T, W>,
  ): Promise<void> {
    const last = plan.segments.at(-1) as SegmentReport
    const header = await this.#headerOf(last)
    const mark = { time: plan.lastTime, note: consumer.note?.('mark') }
    await roller.publish((salt) => this.#survivors(last, proven, salt), mark, header)
    // Of another machine version: what comes next begins a segment of its own.
    if (header.codec !== this.#codec.id || header.machineVersion !== this.#options.machineVersion)
      await roller.sealCurrent()
  }

  async #headerOf(segment: SegmentReport): Promise<SegmentHeader> {
    const file = await openAgain(this.#directory.environment, segment)
    try {
      const frame = await new FrameReader(file, {
        seed: FORMAT_SEED,
        start: 0,
        end: segment.bytes,
        kinds: SEGMENT_KINDS,
      }).next()
      const header = frame.type === 'frame' ? decodeSegmentHeader(frame, segment.path) : frame.type
      if (typeof header === 'string') throw changed(segment, 0)
      return header
    } catch (cause) {
      throw ioError(cause, { doing: 'read the header of the segment', path: segment.path })
    } finally {
      await file.close().catch(() => {})
    }
  }

  /** The batches behind the last proven boundary, framed anew; one of them in memory at a time. */
  async *#survivors(
    segment: SegmentReport,
    proven: Boundary,
    salt: number,
  ): AsyncGenerator<FramedBatch, void, undefined> {
    const file = await openAgain(this.#directory.environment, segment)
    try {
      const reader = new FrameReader(file, {
        seed: segment.salt,
        start: proven.offset,
        end: segment.countedBytes,
        kinds: SEGMENT_KINDS,
      })
      for (let expected = proven.seq + 1; expected <= segment.lastSeq; ) {
        const found = await reader.next()
        if (found.type !== 'frame') throw changed(segment, found.offset)
        if (found.kind !== KIND.batch || found.skip) continue
        const batch = decodeBatch(found.payload)
        if (batch?.firstSeq !== expected) throw changed(segment, found.offset)
        const frame = encodeFrame({ kind: KIND.batch, payload: found.payload }, salt)
        expected += batch.count
        yield {
          frame,
          headerChecksum: frame.readUInt32LE(12),
          firstSeq: batch.firstSeq,
          lastSeq: expected - 1,
        }
      }
    } catch (cause) {
      throw ioError(cause, { doing: 'read the segment', path: segment.path })
    } finally {
      await file.close().catch(() => {})
    }
  }
}

async function syncNames({ environment, walPath }: StoreDirectory): Promise<void> {
  try {
    await environment.files.syncDirectory(walPath)
  } catch (cause) {
    throw ioError(cause, { doing: 'sync the directory', path: walPath })
  }
}

async function openAgain(environment: Environment, segment: SegmentReport): Promise<File> {
  try {
    return await environment.files.open(segment.path, 'read')
  } catch (cause) {
    throw ioError(cause, { doing: 'open the segment', path: segment.path })
  }
}

function changed(segment: SegmentReport, offset: number): HoldfastError {
  return new HoldfastError('CORRUPT', 'what was readable a moment ago cannot be read again', {
    path: segment.path,
    offset,
  })
}

/** The open log's list of segments, out of what the pass found. */
function catalogOf(plan: LogPlan, directory: StoreDirectory): SegmentCatalog {
  const entries = new Map(directory.manifest.segments.map((entry) => [entry.id, entry]))
  const segments = plan.segments.map(
    ({ id, salt, firstSeq, lastSeq, digest, path, countedBytes, bytes }, i) => {
      // Survivors are not proven to be durable: until they have been written again, nothing may say that they are.
      const open = i === plan.segments.length - 1 && plan.survivors !== undefined
      return {
        id,
        salt,
        firstSeq,
        path,
        countedBytes,
        bytes,
        // Nor that the file is as large as it looks: only what it had before it was first used.
        firstBytes: entries.get(id)?.bytes ?? SEGMENT_HEADER_BYTES,
        end: open ? undefined : { seq: lastSeq, digest },
        footerOffset: entries.get(id)?.footerOffset,
        index: [],
      }
    },
  )
  return new SegmentCatalog(segments, directory.manifest.trimmedThrough)
}
