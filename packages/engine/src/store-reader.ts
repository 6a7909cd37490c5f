import { isHoldfastError } from '@holdfast/environment'
import { examine, type RecoveryPlan, type ReplayTarget, WriteQueue } from '@holdfast/recovery'
import { SnapshotDirectory, type SnapshotReader } from '@holdfast/snapshot'
import { type Batch, LogDirectory, type LogScan, type Mark, StoreDirectory } from '@holdfast/wal'
import type { Machine } from './machine.ts'
import { copyOf } from './log-follower.ts'
import type { ReadSettings } from './open-options.ts'
import { Patience } from './patience.ts'
import { Replay, type ReplayLimit } from './replay.ts'

/**
 * Reads a store that somebody else may be writing, without a lock and without changing anything. What
 * looks like damage may only be half-written, and a file that is missing may have been trimmed: both are
 * believed only once manifest and bytes have been read again.
 */
export class StoreReader<State extends object> {
  readonly #path: string
  readonly #machine: Machine<State>
  readonly #settings: ReadSettings
  readonly #limit: ReplayLimit
  readonly #queue: WriteQueue = new WriteQueue()
  #directory: StoreDirectory | undefined
  #view: View<State> | undefined

  constructor(path: string, machine: Machine<State>, settings: ReadSettings, limit: ReplayLimit) {
    this.#path = path
    this.#machine = machine
    this.#settings = settings
    this.#limit = limit
  }

  get path(): string {
    return this.#path
  }

  /** The state as it was last read. */
  get replay(): Replay<State> {
    return this.#current.replay
  }

  get plan(): RecoveryPlan {
    return this.#current.plan
  }

  /** Reads everything: the newest snapshot that may be used, and the log behind it. */
  async load(): Promise<void> {
    this.#view = await this.#untilSound(async (directory) => {
      const { environment, codec, codecs, onProgress, signal } = this.#settings
      const { storeId, snapshotsPath, manifest } = directory
      const replay = new Replay(this.#machine, codecs, this.#limit)
      const { seq = Infinity, time = Infinity } = this.#limit
      // One that ends at a moment never reads on.
      const tail = seq === Infinity && time === Infinity ? new RecentBatches() : undefined
      const plan = await examine({
        snapshots: await SnapshotDirectory.open(snapshotsPath, { environment, codec, storeId }),
        log: new LogDirectory<never, never>(directory, codec as never),
        target: new ReadTarget(replay, tail),
        queue: this.#queue,
        named: manifest.snapshots,
        epoch: manifest.epoch,
        usable: (snapshot) => snapshot.seq <= seq && snapshot.time <= time,
        clock: environment.clock,
        signal,
        onProgress,
      })
      if (plan.refusal !== undefined) throw plan.refusal
      return { replay, tail, plan, provenSeq: plan.log.provenSeq }
    })
  }

  /**
   * Reads on from where the last pass ended. Where that is no longer possible (it was trimmed, or what was
   * read was never acknowledged and has been replaced) everything is read anew, into a new state.
   */
  async advance(): Promise<void> {
    if (this.replay.broken === undefined) {
      try {
        await this.#untilSound((directory) => this.#readOn(directory))
        return
      } catch (error) {
        const beginsAnew =
          error instanceof Overtaken || isHoldfastError(error, 'GAP') || isHoldfastError(error, 'DIVERGED')
        if (!beginsAnew) throw error
      }
    }
    await this.load()
  }

  async #readOn(directory: StoreDirectory): Promise<void> {
    const view = this.#current
    const { replay, tail } = view
    const after = Math.min(view.provenSeq, replay.receivedThrough)
    const { scan } = this.#scan(directory, after)
    for await (const item of scan) {
      if ('records' in item && tail?.agrees(item, replay.receivedThrough) === false) throw new Overtaken()
      await this.#queue.run(() => {
        replay.apply(item)
        tail?.add(item)
      })
    }
    if (scan.plan.refusal !== undefined) throw scan.plan.refusal
    if (scan.plan.lastSeq < replay.receivedThrough) throw new Overtaken()
    await this.#queue.run(() => replay.finish())
    view.provenSeq = scan.plan.provenSeq
  }

  get #current(): View<State> {
    if (this.#view === undefined) throw new Error('the store is loaded before it is looked at')
    return this.#view
  }

  #scan(directory: StoreDirectory, after: number): { readonly scan: LogScan } {
    const log = new LogDirectory<never, never>(directory, this.#settings.codec as never)
    const evidence = directory.manifest.snapshots.map(({ id, seq }) => ({
      seq,
      source: `the manifest: snapshot ${id}`,
    }))
    return { scan: log.scan({ after, evidence }) }
  }

  /** Runs a pass until it comes out well, or wrong in the same way with nothing having changed. */
  async #untilSound<T>(pass: (directory: StoreDirectory) => Promise<T>): Promise<T> {
    for (const patience = new Patience(); ; ) {
      const directory = await this.#open()
      patience.look(directory)
      try {
        return await pass(directory)
      } catch (error) {
        patience.bear(error)
      }
    }
  }

  /** The directory, with the manifest as it is now. */
  async #open(): Promise<StoreDirectory> {
    if (this.#directory === undefined) {
      this.#directory = await StoreDirectory.openForReading(this.#path, this.#settings.environment)
    } else {
      await this.#directory.reload()
    }
    return this.#directory
  }
}

/** One reading of the store. */
interface View<State extends object> {
  readonly replay: Replay<State>
  readonly tail: RecentBatches | undefined
  readonly plan: RecoveryPlan
  provenSeq: number
}

/** What was read is not the log any more. */
class Overtaken extends Error {}

/**
 * The batches that were read and not proven to be durable. A batch that fails on the writer's side may be
 * replaced by another one with the same sequences: a reader that took it must find out.
 */
class RecentBatches {
  readonly #batches: Batch[] = []

  add(item: Batch | Mark): void {
    const proven = item.durableSeq
    while (this.#batches[0] !== undefined && this.#batches[0].lastSeq <= proven) this.#batches.shift()
    if ('records' in item && item.firstSeq > (this.#batches.at(-1)?.lastSeq ?? 0))
      this.#batches.push(copyOf(item))
  }

  /** Whether a batch is new, or the one that was read. */
  agrees(batch: Batch, receivedThrough: number): boolean {
    if (batch.firstSeq > receivedThrough) return true
    const read = this.#batches.find(({ firstSeq }) => firstSeq === batch.firstSeq)
    if (read === undefined) return batch.lastSeq <= receivedThrough
    return (
      read.lastSeq === batch.lastSeq &&
      read.time === batch.time &&
      Buffer.compare(read.records, batch.records) === 0
    )
  }
}

/** A replay that remembers the end of what it read. */
class ReadTarget<State extends object> implements ReplayTarget {
  readonly #replay: Replay<State>
  readonly #tail: RecentBatches | undefined

  constructor(replay: Replay<State>, tail: RecentBatches | undefined) {
    this.#replay = replay
    this.#tail = tail
  }

  get satisfied(): boolean {
    return this.#replay.satisfied
  }

  restore(reader: SnapshotReader): Promise<void> {
    return this.#replay.restore(reader)
  }

  reset(): void {
    this.#replay.reset()
  }

  apply(item: Batch | Mark): void {
    this.#replay.apply(item)
    this.#tail?.add(item)
  }

  finish(): void {
    this.#replay.finish()
  }
}
