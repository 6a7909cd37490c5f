import { rm } from 'node:fs/promises'
import { nodeEnvironment } from '@holdfast/environment'
import { FaultyFileSystem, SeededRandom } from '@holdfast/testing/environment'
import { isHoldfastError, openReadOnly } from 'holdfast'
import { Load } from '../kill/load.ts'
import { tell } from '../kill/pipe.ts'
import { found, type KillStore, openKillStore } from '../kill/store.ts'
import { commandsFrom, type KillState, killMachine } from '../kill/workload.ts'
import { drawFault } from './faults.ts'
import { checkFeed } from './feed-check.ts'
import { footprint } from './footprint.ts'
import { Pace } from './pace.ts'
import { answerTo, type Counts, count, report } from './parent.ts'

/** Of a core. With two writers, a reader and the parent it comes to about a third. */
const WRITER_SHARE = 0.11
/** Larger ones are the business of the kill run. */
export const LARGE_MAX_BYTES = 192 * 1024
/** So little that it is filled in a moment. */
const MAX_QUEUED_BYTES = 256 * 1024
const GROUPS_MAX_BEFORE_CLOSE = 300
const FAULTY_GROUPS_MAX = 12

/** What is done between two groups, and one in how many times. */
const ONE_IN = { snapshot: 150, sync: 50, backup: 300, overload: 250, faults: 60, shortFeed: 200 }
const FAULTY_OPEN_ONE_IN = 6
const FAULTY_CLOSE_ONE_IN = 6

/** Opens the store, works on it and closes it, over and over, until the parent says that it is enough. */
export async function write(directory: string, seed: number, life: number): Promise<void> {
  const writer = new Writer(directory, seed, life)
  while (!(await writer.once())) await writer.rest()
}

class Writer {
  readonly #directory: string
  readonly #seed: number
  readonly #random: SeededRandom
  readonly #files = new FaultyFileSystem(nodeEnvironment.files)
  readonly #pace = new Pace(WRITER_SHARE)
  #counts: Counts = {}

  constructor(directory: string, seed: number, life: number) {
    this.#directory = directory
    this.#seed = seed
    this.#random = new SeededRandom(Math.imul(seed, 0x9e3779b9) ^ life)
  }

  rest(): Promise<void> {
    return this.#pace.keep()
  }

  /** From one open to the close. Returns whether that was the last. */
  async once(): Promise<boolean> {
    report({ type: 'opening' })
    const store = await this.#open()
    await answerTo({
      type: 'opened',
      seq: store.appliedSeq,
      state: structuredClone(store.state) as KillState,
      found: found(store),
    })
    const following = checkFeed(
      store.changes({ from: store.appliedSeq + 1 }),
      commandsFrom(this.#seed, store.appliedSeq + 1, LARGE_MAX_BYTES),
      store.appliedSeq + 1,
    ).catch((error: unknown) => {
      this.#typed(error, 'feed')
      return 0
    })
    await this.#work(store)
    report({ type: 'closing' })
    await this.#close(store)
    this.#count('changes followed', await following)
    if (this.#files.openFiles > 0) throw new Error(`${this.#files.openFiles} files open after close`)
    const counts = this.#counts
    this.#counts = {}
    const { end } = await answerTo({
      type: 'closed',
      seq: store.stats().failure === undefined ? store.appliedSeq : 0,
      footprint: await footprint([this.#directory, this.#backupPath]),
      counts,
    })
    return end === true
  }

  async #open(): Promise<KillStore> {
    const environment = { ...nodeEnvironment, files: this.#files }
    const open = (): Promise<KillStore> => openKillStore(this.#directory, environment, MAX_QUEUED_BYTES)
    this.#count('opens')
    if (!this.#oneIn(FAULTY_OPEN_ONE_IN)) return open()
    this.#files.fail(drawFault(this.#random))
    try {
      return await open()
    } catch (error) {
      this.#typed(error, 'open')
      if (this.#files.openFiles > 0)
        throw new Error('files are open after an open that was refused', { cause: error })
    } finally {
      this.#clearFaults()
    }
    return open()
  }

  async #close(store: KillStore): Promise<void> {
    if (this.#oneIn(FAULTY_CLOSE_ONE_IN)) this.#files.fail(drawFault(this.#random))
    try {
      await store.close()
      this.#count('closes')
    } catch (error) {
      this.#typed(error, 'close')
    } finally {
      this.#clearFaults()
    }
  }

  async #work(store: KillStore): Promise<void> {
    const load = new Load(store, {
      seed: this.#seed,
      largeMaxBytes: LARGE_MAX_BYTES,
      acknowledged: ({ firstSeq, commands }) => tell(firstSeq + commands.length - 1),
    })
    for (let left = this.#random.below(GROUPS_MAX_BEFORE_CLOSE); left > 0; left -= 1) {
      await load.handIn()
      this.#count('groups')
      await this.#chores(store, load)
      this.#files.clearLog()
      if (store.stats().failure !== undefined) return
      await this.#pace.keep()
    }
    await load.check()
  }

  async #chores(store: KillStore, load: Load): Promise<void> {
    if (this.#oneIn(ONE_IN.snapshot)) {
      await store.snapshot()
      this.#count('snapshots asked for')
    }
    if (this.#oneIn(ONE_IN.sync)) {
      await store.sync()
      this.#count('syncs asked for')
    }
    if (this.#oneIn(ONE_IN.shortFeed)) await this.#shortFeed(store)
    if (this.#oneIn(ONE_IN.backup)) await this.#backup(store, load)
    if (this.#oneIn(ONE_IN.overload)) {
      await load.overload(MAX_QUEUED_BYTES)
      this.#count('overloads')
    }
    if (this.#oneIn(ONE_IN.faults)) await this.#faultyWork(store, load)
  }

  /** Everything that can be done, while something goes wrong. */
  async #faultyWork(store: KillStore, load: Load): Promise<void> {
    await load.check()
    const rule = this.#files.fail(drawFault(this.#random))
    const moved = (): void => this.#count('moves to a new segment')
    store.events.on('moved', moved)
    try {
      for (let left = 1 + this.#random.below(FAULTY_GROUPS_MAX); left > 0; left -= 1) {
        const refused = await load.attempt()
        if (refused !== undefined) this.#typed(refused, 'execute')
      }
      if (this.#oneIn(2)) await store.snapshot()
      if (this.#oneIn(4)) await this.#backup(store, load)
    } catch (error) {
      this.#typed(error, 'work')
    } finally {
      store.events.off('moved', moved)
      this.#count('faults met', rule.hits)
      this.#clearFaults()
      await rm(this.#backupPath, { recursive: true, force: true })
    }
    if (store.stats().failure !== undefined) this.#count('stores that failed')
  }

  /** What a feed gives that someone leaves before its end. */
  async #shortFeed(store: KillStore): Promise<void> {
    const from = Math.max(store.stats().log.firstSeq, store.durableSeq - this.#random.below(600))
    const wanted = this.#random.below(300)
    const commands = commandsFrom(this.#seed, from, LARGE_MAX_BYTES)
    const feed = store.changes({ from })
    const few = async function* () {
      let given = 0
      if (wanted === 0 || from > store.durableSeq) return
      for await (const change of feed) {
        yield change
        given += 1
        if (given === wanted || change.seq >= store.durableSeq) return
      }
    }
    try {
      this.#count('changes read', await checkFeed(few(), commands, from))
    } catch (error) {
      // Trimmed since.
      this.#typed(error, 'short feed')
    }
  }

  async #backup(store: KillStore, load: Load): Promise<void> {
    await load.settled()
    await rm(this.#backupPath, { recursive: true, force: true })
    const { seq } = await store.backup(this.#backupPath)
    if (seq < store.appliedSeq) throw new Error(`a backup at ${store.appliedSeq} ends at ${seq}`)
    const copy = await openReadOnly(this.#backupPath, killMachine)
    try {
      if (copy.appliedSeq !== seq) throw new Error(`a backup to ${seq} opens at ${copy.appliedSeq}`)
      if (copy.state.chain !== store.state.chain) throw new Error('a backup holds another state')
    } finally {
      await copy.close()
    }
    await rm(this.#backupPath, { recursive: true, force: true })
    this.#count('backups')
  }

  get #backupPath(): string {
    return `${this.#directory}-backup`
  }

  #clearFaults(): void {
    this.#files.clearRules()
    this.#files.clearLog()
  }

  /** An error that the store made on purpose is counted; any other is thrown on. */
  #typed(error: unknown, where: string): void {
    if (!isHoldfastError(error)) throw error
    this.#count(`${where}: ${error.code}`)
  }

  #count(name: string, more = 1): void {
    count(this.#counts, name, more)
  }

  #oneIn(times: number): boolean {
    return this.#random.below(times) === 0
  }
}
