import { isHoldfastError } from '@holdfast/environment'
import type { FaultRule } from '../faults.ts'
import type { WorkerFault } from '../in-process-workers.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { Workload } from '../simulated/crash-points.ts'
import type { SimulatedEnvironment } from '../simulated/simulated-environment.ts'
import { checkFound, type CutKind, type Found, Model, type Observation } from './model.ts'
import { type OpenSubject, SNAPSHOT_MODES, type Subject, type SubjectSettings } from './subject.ts'

/** Of so many recoveries one compares its snapshots with a replay, one pins a part of the log, one compresses. */
const COMPARED_EVERY = 8
const PINNED_EVERY = 4
const COMPRESSED_EVERY = 3
/** Fewer than the first snapshot by a worker takes: it is in the midst of it. */
const MOST_CALLS_OF_A_WORKER = 40

/** What is there was written with other settings, perhaps. */
function settingsOf(random: SeededRandom): SubjectSettings {
  return {
    syncIntervalMs: 3,
    maxUnsyncedBytes: 1_000_000,
    snapshotEvery: 4,
    snapshots: {
      mode: SNAPSHOT_MODES[random.below(SNAPSHOT_MODES.length)] ?? 'blocking',
      replayed: random.below(COMPARED_EVERY) === 0,
      compressed: random.below(COMPRESSED_EVERY) === 0,
    },
    pinBytes: random.below(PINNED_EVERY) === 0 ? 1_000_000 : undefined,
    segmentBytes: 4096,
  }
}

/** What comes after a crash: the store opens by itself, holds what it must, takes new records, and has them too. */
export class Recovery implements Workload<Observation> {
  readonly #subject: Subject
  readonly #model: Model
  readonly #observed: Observation
  readonly #kind: CutKind
  readonly #random: SeededRandom
  readonly #thorough: boolean
  readonly #fault: FaultRule | undefined
  readonly #settings: SubjectSettings
  readonly #workerFault: WorkerFault | undefined
  /** How many records there are, those included that were trimmed. */
  #position = 0
  /** What opening found. */
  found: Found | undefined

  constructor(
    subject: Subject,
    records: ReadonlyMap<number, unknown>,
    observed: Observation,
    kind: CutKind,
    random: SeededRandom,
    thorough: boolean,
    settings: SeededRandom,
    fault?: FaultRule,
  ) {
    this.#subject = subject
    this.#model = new Model(new Map(records), observed)
    this.#observed = observed
    this.#kind = kind
    this.#random = random
    this.#thorough = thorough
    this.#fault = fault
    this.#settings = settingsOf(settings)
    if (fault !== undefined) {
      const how = settings.below(4) === 0 ? 'hangs' : 'dies'
      this.#workerFault = { how, afterCalls: settings.below(MOST_CALLS_OF_A_WORKER) }
    }
  }

  get records(): ReadonlyMap<number, unknown> {
    return this.#model.records
  }

  observe(): Observation {
    return this.#model.observe()
  }

  async run(environment: SimulatedEnvironment): Promise<void> {
    const open = await this.#open(environment)
    const found = await this.#check(open, this.#observed, this.#kind)
    this.found = found
    this.#model.opened(found)
    this.#model.log = open
    // The rest costs twice as much, and finds less.
    if (!this.#thorough) return
    await this.#append(open, 1, 'disk')
    await Promise.all([this.#append(open, 1, 'os'), this.#append(open, 2, 'disk')])
    await this.#copy(open)
    const { events } = this.#model
    await open.close()
    this.#model.durableSince(events)
    const again = await this.#subject.open(environment, this.#settings)
    await this.#check(again, this.#model.observe(), 'power')
    await again.close()
  }

  /** A call that fails makes opening fail with an error that says so, or not at all. Then it opens. */
  async #open(environment: SimulatedEnvironment): Promise<OpenSubject> {
    if (this.#fault === undefined) return this.#subject.open(environment, this.#settings)
    const { files, workers } = environment
    workers.fault = this.#workerFault
    files.fail(this.#fault)
    let open: OpenSubject | undefined
    try {
      open = await this.#subject.open(environment, this.#settings)
    } catch (error) {
      if (!isHoldfastError(error) || !['IO_ERROR', 'NO_SPACE'].includes(error.code)) throw error
    }
    files.clearRules()
    return open ?? this.#subject.open(environment, this.#settings)
  }

  /** What crashes have left can be copied as well. */
  async #copy(open: OpenSubject): Promise<void> {
    // One that was cut off has left its directory.
    const path = `/data/copy-of-${this.#random.uint32()}`
    const { events, durableSeq } = this.#model.observe()
    const found = await open.copy?.(path, this.records)
    if (found !== undefined)
      checkFound(found, { ...this.#model.observe(), requiredAt: events, durableSeq }, 'power')
  }

  async #check(open: OpenSubject, observed: Observation, kind: CutKind): Promise<Found> {
    const found = await open.read(this.records)
    const ids = checkFound(found, observed, kind)
    open.verify(
      ids.map((id) => this.records.get(id)),
      // A snapshot that could not be read is set aside, and that is no fault of the crash.
      this.#fault === undefined ? kind : 'damage',
    )
    this.#position = ids.length
    return { ...found, ids: ids.slice(ids.length - found.ids.length) }
  }

  async #append(open: OpenSubject, count: number, durability: 'disk' | 'os'): Promise<void> {
    const ids: number[] = []
    while (ids.length < count) {
      const id = this.#model.records.size + 1
      const record = this.#subject.draw(id, this.#random, this.#position)
      if (record === undefined) break
      this.#model.records.set(id, record)
      this.#position += 1
      ids.push(id)
    }
    if (ids.length === 0) return
    const group = this.#model.submitted(ids, durability)
    const records = ids.map((id) => this.records.get(id))
    this.#model.acknowledged(group, await open.submit(records, durability))
  }
}
