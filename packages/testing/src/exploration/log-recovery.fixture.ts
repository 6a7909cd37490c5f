import { Wal } from '@holdfast/wal'
import type { SeededRandom } from '../seeded-random.ts'
import type { Workload } from '../simulated/crash-points.ts'
import type { SimulatedEnvironment } from '../simulated/simulated-environment.ts'
import { checkFound, type CutKind, type Found, LogModel, type Observation } from './log-model.fixture.ts'
import { logOf, read, recordBytes, STORE } from './log-workload.fixture.ts'

/** What comes after a crash: the log opens by itself, holds what it must, takes new records, and has them too. */
export class LogRecovery implements Workload<Observation> {
  readonly #model: LogModel
  readonly #observed: Observation
  readonly #kind: CutKind
  readonly #random: SeededRandom
  readonly #thorough: boolean
  /** What opening found. */
  found: Found | undefined

  constructor(
    records: ReadonlyMap<number, Buffer>,
    observed: Observation,
    kind: CutKind,
    random: SeededRandom,
    thorough: boolean,
  ) {
    this.#model = new LogModel(new Map(records), observed)
    this.#observed = observed
    this.#kind = kind
    this.#random = random
    this.#thorough = thorough
  }

  get records(): ReadonlyMap<number, Buffer> {
    return this.#model.records
  }

  observe(): Observation {
    return this.#model.observe()
  }

  async run(environment: SimulatedEnvironment): Promise<void> {
    const wal = await Wal.open(STORE, { environment, segmentBytes: 4096, syncIntervalMs: 3 })
    const found = await read(wal, this.#model.records)
    checkFound(found, this.#observed, this.#kind)
    this.found = found
    this.#model.opened(found)
    this.#model.log = logOf(wal)
    // The rest costs twice as much, and finds less.
    if (!this.#thorough) return
    await this.#append(wal, 1, 'disk')
    await Promise.all([this.#append(wal, 1, 'os'), this.#append(wal, 2, 'disk')])
    const { events } = this.#model
    await wal.close()
    this.#model.durableSince(events)
    const again = await Wal.open(STORE, { environment, segmentBytes: 4096 })
    checkFound(await read(again, this.#model.records), this.#model.observe(), 'power')
    await again.close()
  }

  async #append(wal: Wal, count: number, durability: 'disk' | 'os'): Promise<void> {
    const ids = Array.from({ length: count }, (_, i) => this.#model.records.size + 1 + i)
    const records = ids.map((id) => recordBytes(id, this.#random))
    for (const [i, id] of ids.entries()) this.#model.records.set(id, records[i] as Buffer)
    const group = this.#model.submitted(ids, durability)
    const { firstSeq } = await wal.appendAll(records, { durability })
    this.#model.acknowledged(group, firstSeq)
  }
}
