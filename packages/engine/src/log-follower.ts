import {
  type Batch,
  hasMore,
  LogDirectory,
  type LogPlan,
  type LogScan,
  type Mark,
  StoreDirectory,
} from '@holdfast/wal'
import type { ReadSettings } from './open-options.ts'
import { Patience } from './patience.ts'

/** Follows the log of a store that somebody else may be writing, as far as it is proven to be durable. */
export class LogFollower {
  readonly #path: string
  readonly #settings: ReadSettings
  #directory: StoreDirectory | undefined
  #plan: LogPlan | undefined

  constructor(path: string, settings: ReadSettings) {
    this.#path = path
    this.#settings = settings
  }

  /** One pass: batches and marks from the one that holds `from` on. */
  async *provenFrom(from: number): AsyncGenerator<Batch | Mark, void, undefined> {
    let next = from
    for (const patience = new Patience(); ; ) {
      const directory = await this.#open()
      patience.look(directory)
      try {
        const log = new LogDirectory<never, never>(directory, this.#settings.codec as never)
        const scan = log.scan({ after: next - 1 })
        for await (const item of provenItems(scan)) {
          yield item
          if ('records' in item) next = item.lastSeq + 1
        }
        this.#plan = scan.plan
        return
      } catch (error) {
        patience.bear(error)
      }
    }
  }

  /** Whether another pass may find more. */
  async hasMore(): Promise<boolean> {
    return this.#directory === undefined || this.#plan === undefined || hasMore(this.#directory, this.#plan)
  }

  /** The directory, with the manifest as it is now. */
  async #open(): Promise<StoreDirectory> {
    this.#directory ??= await StoreDirectory.openForReading(this.#path, this.#settings.environment)
    await this.#directory.reload()
    return this.#directory
  }
}

/** Each is held back until something behind it says that it was durable: a batch or two at a time. */
async function* provenItems(scan: LogScan): AsyncGenerator<Batch | Mark, void, undefined> {
  const held: (Batch | Mark)[] = []
  function* proven(): Generator<Batch | Mark, void, undefined> {
    for (let item = held[0]; item !== undefined; item = held[0]) {
      if ('records' in item && item.lastSeq > scan.plan.provenSeq) return
      held.shift()
      yield item
    }
  }
  for await (const item of scan) {
    yield* proven()
    held.push(copyOf(item))
  }
  if (scan.plan.refusal !== undefined) throw scan.plan.refusal
  yield* proven()
}

/** To be kept: what a scan gives are views of its window. */
export function copyOf<Item extends Batch | Mark>(item: Item): Item {
  const copy = { ...item, note: Uint8Array.from(item.note) }
  return 'records' in item ? { ...copy, records: Uint8Array.from(item.records) } : copy
}
