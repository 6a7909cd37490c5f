import { isHoldfastError } from '@holdfast/environment'
import { Wal } from '@holdfast/wal'
import type { FaultRule } from '../faults.ts'
import { SeededRandom } from '../seeded-random.ts'
import type { Workload } from '../simulated/crash-points.ts'
import type { SimulatedEnvironment } from '../simulated/simulated-environment.ts'
import { checkFound, type Found, LogModel, type Observation } from './log-model.fixture.ts'

export const STORE = '/data/store'

/** What a workload draws from. `faults`: syncs and writes fail, the disk runs full. */
export interface LogWorkloadOptions {
  readonly steps: number
  readonly faults: boolean
}

/** Random calls of a log, as one program would make them. */
export class LogWorkload implements Workload<Observation> {
  readonly model: LogModel = new LogModel()
  readonly #random: SeededRandom
  readonly #options: LogWorkloadOptions
  readonly #syncIntervalMs: number
  readonly #maxUnsyncedBytes: number
  readonly #pending: Set<Promise<void>> = new Set()
  #environment: SimulatedEnvironment | undefined
  #wal: Wal | undefined
  /** Why the log has to be closed and opened again. */
  #failed = false

  constructor(seed: number, options: LogWorkloadOptions) {
    this.#random = new SeededRandom(seed)
    this.#options = options
    this.#syncIntervalMs = [1, 3, 20][this.#random.below(3)] as number
    this.#maxUnsyncedBytes = [300, 2000, 1_000_000][this.#random.below(3)] as number
  }

  observe(): Observation {
    return this.model.observe()
  }

  async run(environment: SimulatedEnvironment): Promise<void> {
    this.#environment = environment
    await environment.files.makeDirectory('/data')
    await environment.files.syncDirectory('/')
    await this.#open()
    for (let step = 0; step < this.#options.steps; step += 1) {
      if (this.#failed) await this.#reopen()
      await this.#step()
    }
    await Promise.all(this.#pending)
    this.#calm()
    if (this.#failed) await this.#reopen()
    await this.#close()
  }

  async #step(): Promise<void> {
    const wal = this.#opened
    switch (this.#random.below(this.#options.faults ? 14 : 11)) {
      case 0:
      case 1:
      case 2:
        return this.#sometimesWait(this.#append(1, 'disk'))
      case 3:
      case 4:
        return this.#sometimesWait(this.#append(1, 'os'))
      case 5:
        return this.#sometimesWait(this.#append(2 + this.#random.below(4), this.#level()))
      case 6: {
        for (let count = 2 + this.#random.below(5); count > 0; count -= 1)
          void this.#append(1 + this.#random.below(2), this.#level())
        return this.#sometimesWait(Promise.all(this.#pending).then(() => {}))
      }
      case 7: {
        const { events } = this.model
        await this.#attempt(async () => {
          await wal.sync()
          this.model.durableSince(events)
        })
        return
      }
      case 8:
        return this.#idle(this.#random.below(3) === 0 ? 5 : 80)
      case 9: {
        const through = this.#random.below(Math.max(1, wal.durableSeq) + 1)
        this.model.trimming(through)
        return this.#sometimesWait(this.#attempt(() => wal.trim(through)))
      }
      case 10:
        return this.#random.below(2) === 0 ? this.#reopen() : this.#idle(1)
      default:
        return this.#fault()
    }
  }

  #level(): 'disk' | 'os' {
    return this.#random.below(2) === 0 ? 'disk' : 'os'
  }

  #fault(): void {
    const { files, disk } = this.#environment as SimulatedEnvironment
    const kind = this.#random.below(6)
    if (kind === 0) {
      files.capacityBytes = disk.usedBytes + this.#random.below(6000)
      return
    }
    if (kind === 1) return this.#calm()
    const on = (['sync', 'writeThrough', 'write', 'syncDirectory', 'rename'] as const)[
      this.#random.below(5)
    ] as FaultRule['on']
    const nth = 1 + this.#random.below(3)
    const fault =
      kind === 2 && (on === 'write' || on === 'writeThrough')
        ? { shortBytes: this.#random.below(600) }
        : { errno: kind === 3 ? 'ENOSPC' : 'EIO' }
    files.fail({ on, nth, path: /\/data\/store/, fault })
  }

  /** Nothing goes wrong from here on. */
  #calm(): void {
    const { files } = this.#environment as SimulatedEnvironment
    files.clearRules()
    files.capacityBytes = Number.POSITIVE_INFINITY
  }

  async #append(count: number, durability: 'disk' | 'os'): Promise<void> {
    const wal = this.#opened
    const records = Array.from({ length: count }, () => this.#record())
    const group = this.model.submitted(
      records.map(({ id }) => id),
      durability,
    )
    const bytes = records.map((record) => record.bytes)
    const [first] = bytes as [Buffer]
    const appended =
      count === 1
        ? wal.append(first, { durability })
        : wal.appendAll(bytes, { durability }).then(({ firstSeq }) => firstSeq)
    const settled = appended
      .then(
        (seq) => this.model.acknowledged(group, seq),
        (error: unknown) => {
          if (!isHoldfastError(error)) throw error
          this.model.refused(group, error.outcome)
          if (error.code !== 'NO_SPACE') this.#failed = true
        },
      )
      .finally(() => this.#pending.delete(settled))
    this.#pending.add(settled)
    await settled
  }

  #record(): { id: number; bytes: Buffer } {
    const id = this.model.records.size + 1
    const bytes = recordBytes(id, this.#random)
    this.model.records.set(id, bytes)
    return { id, bytes }
  }

  async #sometimesWait(done: Promise<void>): Promise<void> {
    if (this.#random.below(3) !== 0) return done
    this.#pending.add(done)
    void done.finally(() => this.#pending.delete(done))
  }

  /** A typed error may come of it where something was made to fail, and then the log may be beyond use. */
  async #attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isHoldfastError(error) || !this.#options.faults) throw error
      if (!['NO_SPACE', 'IO_ERROR'].includes(error.code)) this.#failed = true
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
    await this.#open()
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

  async #open(): Promise<void> {
    const environment = this.#environment as SimulatedEnvironment
    let wal: Wal | undefined
    try {
      wal = await this.#openOnce(environment)
    } catch (error) {
      if (!this.#options.faults || !isHoldfastError(error)) throw error
      if (!['NO_SPACE', 'IO_ERROR'].includes(error.code)) throw error
      this.#calm()
    }
    wal ??= await this.#openOnce(environment)
    const found = await read(wal, this.model.records)
    checkFound(found, this.model.observe(), 'kill')
    this.model.opened(found)
    this.model.log = logOf(wal)
    this.#wal = wal
  }

  #openOnce(environment: SimulatedEnvironment): Promise<Wal> {
    return Wal.open(STORE, {
      environment,
      segmentBytes: 4096,
      syncIntervalMs: this.#syncIntervalMs,
      maxUnsyncedBytes: this.#maxUnsyncedBytes,
    })
  }

  get #opened(): Wal {
    return this.#wal as Wal
  }
}

export function logOf(wal: Wal): { readonly durableSeq: number; readonly lastSeq: number } {
  return {
    get durableSeq() {
      return wal.durableSeq
    },
    get lastSeq() {
      return wal.range.last
    },
  }
}

/** A record that says which one it is. Some are long and some are zeros for the most part. */
export function recordBytes(id: number, random: SeededRandom): Buffer {
  const size = [4, 30, 200, 600, 1500][random.below(5)] as number
  const bytes = Buffer.alloc(4 + random.below(size))
  bytes.writeUInt32LE(id)
  if (random.below(3) > 0) bytes.fill(random.bytes(bytes.length - 4), 4)
  return bytes
}

/** Everything that the log holds, each record compared with what was written. */
export async function read(wal: Wal, records: ReadonlyMap<number, Buffer>): Promise<Found> {
  const firstSeq = wal.range.first
  const ids: number[] = []
  for await (const { seq, value } of wal.read()) {
    if (seq !== firstSeq + ids.length)
      throw new Error(`I2: sequence ${seq} where ${firstSeq + ids.length} belongs`)
    const id = value.length < 4 ? 0 : Buffer.from(value.buffer, value.byteOffset).readUInt32LE()
    if (!records.get(id)?.equals(value)) throw new Error(`I3: the record at ${seq} was never written`)
    ids.push(id)
  }
  if (wal.range.last !== firstSeq + ids.length - 1)
    throw new Error(
      `I2: the range ends at ${wal.range.last}, and ${firstSeq + ids.length - 1} was the last to be read`,
    )
  return { firstSeq, ids }
}
