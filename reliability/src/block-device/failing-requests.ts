// A run on a disk that answers one request with EIO: one run for each request that there is in it.
import type { BlockDevice, Request } from './block-device.ts'
import { type BlockEntry, type BlockLog, type BlockWrite, readBlockLog } from './block-log.ts'
import type { Ending } from './child.ts'
import type { FileSystemKind } from './file-systems.ts'
import { Replayer } from './replay.ts'
import { runSession, type SessionResult, storeOn } from './session.ts'
import { openStore, Prefixes, unsyncedEnvironment } from './workload.ts'

export interface FailingOptions {
  readonly seed: number
  /** Of the run whose requests fail in turn. */
  readonly batches: number
  /** Only each so manieth request. */
  readonly every: number
  /** No run is begun past this moment of `performance.now()`. */
  readonly until: number
  readonly onRun?: (figures: FailingFigures) => void
}

export interface FailingFigures {
  /** Runs in which a flush failed, and in which a write did. */
  flushes: number
  writes: number
  /** The store went on in a new segment. */
  moved: number
  /** The store gave an error, and what it was; or nothing of it came to the store. */
  readonly refused: Record<string, number>
  unnoticed: number
  /** Opened again, with the same mount: with all that was acknowledged at any level; with all that was durable; not at all, as the file system took no more writes. */
  reopened: number
  reopenedWithLess: number
  reopenRefused: number
  /** Disks that a power cut behind the failure can have left, opened. */
  powerCuts: number
  /** Of these and of those that were only unmounted: what the file system itself would not mount. */
  unmountable: number
  complete: boolean
}

/**
 * Power is cut behind each of so many requests after the failure, and behind the last: soon what failed is written
 * once more, with what stands in the same page, and a false promise would come true.
 */
const CUTS_BEHIND = 12
/** What was flushed; everything; and one that is drawn. */
const SURVIVALS = 3
/** Written by the session that comes after the failure. */
const BATCHES_BEHIND = 4
const VIOLATIONS_MAX = 20

export class FailingRequests {
  readonly #device: BlockDevice
  readonly #kind: FileSystemKind
  readonly #options: FailingOptions
  readonly #prefixes: Prefixes
  readonly #logPath: string
  #made: readonly BlockWrite[] = []
  readonly violations: string[] = []
  readonly figures: FailingFigures = {
    flushes: 0,
    writes: 0,
    moved: 0,
    refused: {},
    unnoticed: 0,
    reopened: 0,
    reopenedWithLess: 0,
    reopenRefused: 0,
    powerCuts: 0,
    unmountable: 0,
    complete: false,
  }

  constructor(device: BlockDevice, kind: FileSystemKind, options: FailingOptions) {
    this.#device = device
    this.#kind = kind
    this.#options = options
    this.#prefixes = new Prefixes(options.seed)
    this.#logPath = device.scratch('log')
  }

  async run(): Promise<void> {
    await this.#make()
    this.figures.complete = (await this.#failEach('flush')) && (await this.#failEach('write'))
  }

  /** Makes the file system once: every run begins with the same. */
  async #make(): Promise<void> {
    this.#device.clear()
    this.#device.startLog(this.#logPath)
    await this.#device.make(this.#kind)
    this.#device.note(JSON.stringify({ type: 'start' }))
    this.#device.stopLog()
    const { before } = await readBlockLog(this.#logPath)
    this.#made = before.filter((entry) => entry.type === 'write')
  }

  async #failEach(request: Request): Promise<boolean> {
    for (let nth = 1; ; nth += this.#options.every) {
      if (performance.now() > this.#options.until || this.violations.length >= VIOLATIONS_MAX) return false
      if (!(await this.#fail(request, nth))) return true
      this.figures[request === 'flush' ? 'flushes' : 'writes'] += 1
      this.#options.onRun?.(this.figures)
    }
  }

  /** `false`: the run has no such request. */
  async #fail(request: Request, nth: number): Promise<boolean> {
    const device = this.#device
    const violated = (what: string): void => {
      this.violations.push(`${this.#kind.name}, ${request} ${nth}: ${what}`)
    }
    device.clear()
    for (const { bytes, offset } of this.#made) if (bytes !== null) device.layBase(bytes, offset)
    device.startLog(this.#logPath)
    device.note(JSON.stringify({ type: 'start' }))
    await device.mount(this.#kind)
    device.failOnce(request, nth)
    // One way of ending and the other in turn: a store that is closed must have noticed all that failed before.
    const ending: Ending = nth % 2 === 0 ? 'kill' : 'close'
    const session = await this.#session(0, this.#options.batches, ending)
    device.failNone()
    const promised = promisedIn(await readBlockLog(this.#logPath))
    const failed = await this.#failedAt()
    if (failed !== undefined) {
      this.#count(session, violated)
      await this.#reopen(promised, violated)
    }
    await device.unmount()
    device.stopLog()
    if (failed === undefined) return false
    const log = { before: this.#made, entries: (await readBlockLog(this.#logPath)).entries }
    await this.#remounted(promisedIn(log).durable, violated)
    await this.#cutPower(log, failed, violated)
    return true
  }

  /** How many requests the disk had carried out before the one that failed. */
  async #failedAt(): Promise<number | undefined> {
    const { entries } = await readBlockLog(this.#logPath)
    const index = entries.findIndex(({ type }) => type === 'failed-flush' || type === 'failed-write')
    return index < 0 ? undefined : requestsIn(entries.slice(0, index))
  }

  #session(session: number, batches: number, ending: Ending): Promise<SessionResult> {
    return runSession(this.#device, { seed: this.#options.seed, session, batches, ending })
  }

  #count({ refusal, moves }: SessionResult, violated: (what: string) => void): void {
    const { figures } = this
    if (moves > 0) figures.moved += 1
    if (refusal === undefined) {
      if (moves === 0) figures.unnoticed += 1
      return
    }
    const { doing, code, message } = refusal
    if (code === undefined) violated(`an error without a code: ${doing}, ${message}`)
    const name = `${doing} ${code}`
    figures.refused[name] = (figures.refused[name] ?? 0) + 1
  }

  /** With the same mount: the page cache may hold what the disk does not. */
  async #reopen({ durable, written }: Promised, violated: (what: string) => void): Promise<void> {
    const { refusal, opened } = await this.#session(1, BATCHES_BEHIND, 'close')
    if (opened !== undefined) {
      const { seq, state } = opened
      const wrong = this.#prefixes.whatIsWrong(seq, state, durable)
      if (wrong !== undefined) violated(`opened again with the same mount: ${wrong}`)
      this.figures[seq < written ? 'reopenedWithLess' : 'reopened'] += 1
    }
    if (refusal === undefined) return
    this.figures.reopenRefused += 1
    if (refusal.code !== 'IO_ERROR' && refusal.code !== 'FAILED') {
      violated(`opened again with the same mount: ${refusal.doing}, ${refusal.code}, ${refusal.message}`)
    }
  }

  async #remounted(durable: number, violated: (what: string) => void): Promise<void> {
    try {
      await this.#device.mount(this.#kind)
    } catch {
      this.figures.unmountable += 1
      return
    }
    try {
      const store = await openStore(storeOn(this.#device), 0, unsyncedEnvironment)
      const wrong = this.#prefixes.whatIsWrong(store.appliedSeq, store.state, durable)
      if (wrong !== undefined) violated(`mounted again: ${wrong}`)
      await store.close()
    } catch (error) {
      violated(`mounted again: ${String(error)}`)
    } finally {
      await this.#device.unmount()
    }
  }

  /** What was promised behind the failure must not hang on what failed. */
  async #cutPower(log: BlockLog, from: number, violated: (what: string) => void): Promise<void> {
    const last = requestsIn(log.entries)
    const replayer = new Replayer(this.#device, this.#kind, log, {
      seed: this.#options.seed,
      survivals: SURVIVALS,
      isLookedAt: (cut) => (cut >= from && cut <= from + CUTS_BEHIND) || cut === last,
      until: Number.POSITIVE_INFINITY,
    })
    const { figures, violations } = await replayer.run()
    this.figures.powerCuts += figures.opened
    this.figures.unmountable += figures.unmountable
    // More of them would say the same.
    const [violation] = violations
    if (violation !== undefined) violated(`power cut: ${violation}`)
  }
}

function requestsIn(entries: readonly BlockEntry[]): number {
  return entries.filter(({ type }) => type === 'write' || type === 'flush').length
}

/** The last sequence that was promised to be durable, and the last that was acknowledged at any level. */
interface Promised {
  readonly durable: number
  readonly written: number
}

function promisedIn({ entries }: BlockLog): Promised {
  const last = (...types: readonly string[]): number =>
    entries.reduce(
      (seq, entry) =>
        entry.type === 'note' && 'seq' in entry.note && types.includes(entry.note.type)
          ? Math.max(seq, entry.note.seq)
          : seq,
      0,
    )
  return { durable: last('durable'), written: last('durable', 'written') }
}
