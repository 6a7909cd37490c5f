import { isHoldfastError } from '@holdfast/environment'
import type { CallName } from '../faults.ts'
import { SeededRandom } from '../seeded-random.ts'
import type { Workload } from '../simulated/crash-points.ts'
import type { SimulatedEnvironment } from '../simulated/simulated-environment.ts'
import { checkFound, Model, type Observation } from './model.ts'
import { type OpenSubject, SNAPSHOT_MODES, type Subject, type SubjectSettings } from './subject.ts'

/** What a workload draws from. `faults`: syncs and writes fail, the disk runs full. */
export interface WorkloadOptions {
  readonly steps: number
  readonly faults: boolean
  /** Of the steps, only these: what a failure does not need is left out. */
  readonly kept?: ReadonlySet<number> | undefined
  /** Ends once so many records have been submitted. */
  readonly records: number | undefined
}

/** Syncs and synced writes more often: that is where what had been promised is at stake. */
const FAULTY_CALLS = [
  'sync',
  'sync',
  'writeThrough',
  'writeThrough',
  'write',
  'syncDirectory',
  'rename',
] as const satisfies readonly CallName[]

const RARELY_FAULTY_CALLS = [
  'open',
  'list',
  'stat',
  'makeDirectory',
  'unlink',
  'read',
  'truncate',
  'size',
  'close',
] as const satisfies readonly CallName[]

/** More than a fold of a small store takes: some come through. */
const MOST_CALLS_OF_A_WORKER = 60

const IN_STORE = /\/data\/store/

/** One that is dropped soon, and ones that are not. Most workloads have none. */
const PIN_BYTES = [1_000_000, 6000, 1_000_000]

/** Of eleven workloads so many have snapshots that are compressed. */
const COMPRESSED_OF_11 = 4

/** One workload in so many has crowds of callers: more than two batches take, so that one is full while another is written. */
const CROWDS_EVERY = 8
const CROWD_MIN = 2100
const CROWD_MAX = 2600

/** Random calls, as one program would make them. */
export class RandomWorkload implements Workload<Observation> {
  readonly model: Model = new Model()
  readonly #seed: number
  #random: SeededRandom
  readonly #options: WorkloadOptions
  readonly #subject: Subject
  readonly #settings: SubjectSettings
  /** Some bugs show only where nearly all is acknowledged at one level. */
  readonly #osPercent: number
  readonly #hasCrowds: boolean
  readonly #pending: Set<Promise<void>> = new Set()
  #environment: SimulatedEnvironment | undefined
  #open: OpenSubject | undefined
  /** Why the log has to be closed and opened again. */
  #failed = false
  #copies = 0

  constructor(subject: Subject, seed: number, options: WorkloadOptions) {
    this.#seed = seed
    this.#random = new SeededRandom(seed)
    this.#options = options
    this.#subject = subject
    const draw = <T>(values: readonly T[]): T => values[this.#random.below(values.length)] as T
    this.#settings = {
      syncIntervalMs: draw([1, 3, 20]),
      maxUnsyncedBytes: draw([300, 2000, 1_000_000]),
      snapshotEvery: draw([3, 8, 1000]),
      snapshots: {
        mode: SNAPSHOT_MODES[seed % 3] ?? 'blocking',
        replayed: seed % 5 === 0,
        compressed: seed % 11 < COMPRESSED_OF_11,
      },
      pinBytes: PIN_BYTES[seed % 7],
      segmentBytes: seed % 4 === 2 ? 200_000 : 4096,
    }
    this.#osPercent = draw([5, 50, 95])
    this.#hasCrowds = seed % CROWDS_EVERY === 2
  }

  observe(): Observation {
    return this.model.observe()
  }

  async run(environment: SimulatedEnvironment): Promise<void> {
    this.#environment = environment
    await environment.files.makeDirectory('/data')
    await environment.files.syncDirectory('/')
    await this.#openAgain()
    // There are few snapshots, so that one would hardly ever come behind such a fault.
    if (this.#options.faults && this.#hasWorkers && this.#random.below(2) === 0) this.#failWorker()
    for (let step = 0; step < this.#options.steps && this.#left > 0; step += 1) {
      if (this.#options.kept?.has(step) === false) continue
      // Its own numbers: the same whichever others are left out.
      this.#random = new SeededRandom(this.#seed + Math.imul(step + 1, 0x9e3779b9))
      if (this.#failed) await this.#reopen()
      await this.#step()
    }
    await Promise.all(this.#pending)
    this.#calm()
    if (this.#failed) await this.#reopen()
    await this.#close()
  }

  async #step(): Promise<void> {
    const open = this.#opened
    switch (this.#random.below(this.#options.faults ? 16 : 11)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return this.#sometimesWait(this.#append(1, this.#level()))
      case 5:
        return this.#sometimesWait(this.#append(2 + this.#random.below(4), this.#level()))
      case 6: {
        if (this.#hasCrowds) {
          for (let count = CROWD_MIN + this.#random.below(CROWD_MAX - CROWD_MIN); count > 0; count -= 1)
            this.#appendAside(1)
        } else {
          for (let count = 2 + this.#random.below(5); count > 0; count -= 1)
            this.#appendAside(1 + this.#random.below(2))
        }
        return this.#sometimesWait(Promise.all(this.#pending).then(() => {}))
      }
      case 7: {
        const { events } = this.model
        await this.#attempt(async () => {
          await open.sync()
          this.model.durableSince(events)
        })
        return
      }
      case 8:
        return this.#idle(this.#random.below(3) === 0 ? 5 : 80)
      case 9: {
        const through = this.#random.below(Math.max(1, open.durableSeq) + 1)
        this.model.trimming(through)
        return this.#sometimesWait(this.#attempt(() => open.tidy(through)))
      }
      case 10:
        return [() => this.#reopen(), () => this.#idle(1), () => this.#copy()][this.#random.below(3)]?.()
      default:
        return this.#fault()
    }
  }

  #level(): 'disk' | 'os' {
    return this.#random.below(100) < this.#osPercent ? 'os' : 'disk'
  }

  #fault(): void {
    const { files, disk } = this.#environment as SimulatedEnvironment
    const kind = this.#random.below(10)
    if (kind === 0) {
      files.capacityBytes = disk.usedBytes + this.#random.below(6000)
      return
    }
    if (kind === 1) return this.#calm()
    if (kind === 8) return this.#slow()
    if (kind === 9) return this.#rare()
    const on = FAULTY_CALLS[this.#random.below(FAULTY_CALLS.length)] as (typeof FAULTY_CALLS)[number]
    const nth = 1 + this.#random.below(2)
    const path = IN_STORE
    if (kind < 5 && (on === 'write' || on === 'writeThrough')) {
      files.fail({ on, nth, path, fault: { shortBytes: this.#random.below(600) } })
      // The rest is said not to fit: what was taken has to go again.
      if (kind === 2) files.fail({ on, nth: nth + 1, path, fault: { errno: 'ENOSPC' } })
      return
    }
    const made = this.#random.below(4) === 0
    files.fail({ on, nth, path, fault: { errno: kind === 5 ? 'ENOSPC' : 'EIO', made } })
  }

  /** A sync that takes its time: what it is to cover is not acknowledged before it returns. */
  #slow(): void {
    const { files, timers } = this.#environment as SimulatedEnvironment
    const ms = 1 + this.#random.below(200)
    const hang = new Promise<void>((resolve) => {
      timers.after(ms, resolve)
    })
    const on = (['sync', 'writeThrough', 'syncDirectory'] as const)[this.#random.below(3)] as CallName
    files.fail({ on, nth: 1 + this.#random.below(2), path: IN_STORE, fault: { hang } })
  }

  #rare(): void {
    const { files } = this.#environment as SimulatedEnvironment
    if (this.#hasWorkers && this.#random.below(3) > 0) return this.#failWorker()
    const on = RARELY_FAULTY_CALLS[this.#random.below(RARELY_FAULTY_CALLS.length)] as CallName
    const errno = ['EIO', 'EMFILE', 'EROFS'][this.#random.below(3)] as string
    files.fail({ on, nth: 1 + this.#random.below(3), path: IN_STORE, fault: { errno } })
  }

  /** The next snapshot by a worker comes to grief. */
  #failWorker(): void {
    const { workers } = this.#environment as SimulatedEnvironment
    const how = this.#random.below(2) === 0 ? 'hangs' : 'dies'
    workers.fault = { how, afterCalls: this.#random.below(MOST_CALLS_OF_A_WORKER) }
  }

  get #hasWorkers(): boolean {
    return this.#settings.snapshots.mode === 'worker'
  }

  /** A copy that is made while commands go on holds what was durable when it began, and a prefix. */
  async #copy(): Promise<void> {
    const open = this.#opened
    if (open.copy === undefined) return this.#idle(1)
    const path = `/data/copy-${this.#copies++}`
    const { events, durableSeq } = this.model.observe()
    await this.#attempt(async () => {
      const found = await open.copy?.(path, this.model.records)
      if (found !== undefined)
        checkFound(found, { ...this.model.observe(), requiredAt: events, durableSeq }, 'power')
    })
  }

  /** Nothing goes wrong from here on. */
  #calm(): void {
    const { files, workers } = this.#environment as SimulatedEnvironment
    files.clearRules()
    workers.fault = undefined
    files.capacityBytes = Number.POSITIVE_INFINITY
  }

  /** How many records it may still submit. */
  get #left(): number {
    return (this.#options.records ?? Number.POSITIVE_INFINITY) - this.model.records.size
  }

  async #append(most: number, durability: 'disk' | 'os'): Promise<void> {
    const count = Math.min(most, this.#left)
    if (count === 0) return
    const open = this.#opened
    const ids = Array.from({ length: count }, (_, i) => this.model.records.size + 1 + i)
    for (const id of ids) this.model.records.set(id, this.#subject.draw(id, this.#random, id - 1))
    const group = this.model.submitted(ids, durability)
    const appended = open.submit(
      ids.map((id) => this.model.records.get(id)),
      durability,
    )
    const settled = appended.then(
      (seq) => this.model.acknowledged(group, seq),
      (error: unknown) => {
        if (!isHoldfastError(error)) throw error
        this.model.refused(group, error.outcome)
        if (error.code !== 'NO_SPACE') this.#failed = true
      },
    )
    this.#pend(settled)
    await settled
  }

  #appendAside(most: number): void {
    this.#pend(this.#append(most, this.#level()))
  }

  async #sometimesWait(done: Promise<void>): Promise<void> {
    if (this.#random.below(3) !== 0) return done
    this.#pend(done)
  }

  /** One that fails stays: whoever waits for all of them hears of it. */
  #pend(step: Promise<void>): void {
    this.#pending.add(step)
    step.then(() => this.#pending.delete(step)).catch(() => {})
  }

  /** A typed error may come of it where something was made to fail, and then the log may be beyond use. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isHoldfastError(error) || !this.#options.faults) throw error
      if (!['NO_SPACE', 'IO_ERROR', 'WORKER_FAILED'].includes(error.code)) this.#failed = true
    }
  }

  #idle(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#environment?.timers.after(ms, resolve)
    })
  }

  async #reopen(): Promise<void> {
    await this.#close()
    this.#failed = false
    await this.#openAgain()
  }

  async #close(): Promise<void> {
    const { events } = this.model
    const closing = this.#opened.close()
    await this.#attempt(async () => {
      await closing
      this.model.durableSince(events)
    })
    await Promise.all(this.#pending)
    this.model.log = undefined
  }

  async #openAgain(): Promise<void> {
    const environment = this.#environment as SimulatedEnvironment
    let open: OpenSubject | undefined
    try {
      open = await this.#subject.open(environment, this.#settings)
    } catch (error) {
      if (!this.#options.faults || !isHoldfastError(error)) throw error
      if (!['NO_SPACE', 'IO_ERROR'].includes(error.code)) throw error
      this.#calm()
    }
    open ??= await this.#subject.open(environment, this.#settings)
    const { records } = this.model
    const found = await open.read(records)
    const ids = checkFound(found, this.model.observe(), 'kill')
    open.verify(
      ids.map((id) => records.get(id)),
      // A snapshot that could not be read is set aside.
      this.#options.faults ? 'damage' : 'kill',
    )
    this.model.opened({ ...found, ids: ids.slice(ids.length - found.ids.length) })
    this.model.log = open
    this.#open = open
  }

  get #opened(): OpenSubject {
    return this.#open as OpenSubject
  }
}
