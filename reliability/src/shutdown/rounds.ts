// Stops a file system at random moments, over and over, mounts it again, and holds what comes back against what
// was acknowledged.
//
// Only what was read before the ioctl began counts, and only what was opened and closed before. From then on the
// kernel itself says untrue things: a bare O_DSYNC write of 2.4 MB that extends a file returned success during or
// after the ioctl, and was gone, in 43 of 43 such writes on ext4 and 8 of 9 on XFS (Linux 6.18); of those that had
// returned before it, in none of 93. A machine that loses its power tells nobody anything any more.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SeededRandom } from '@holdfast/testing/environment'
import { openReadOnly } from 'holdfast'
import { Expectation } from '../kill/expectation.ts'
import { Victim } from '../kill/victim.ts'
import { type KillState, killMachine } from '../kill/workload.ts'
import { LARGE_MAX_BYTES, type Moment, MOMENTS, type ShutdownGo, type ShutdownReport } from './child.ts'
import { drawFormatting, type FileSystemKind } from './file-systems.ts'
import { LoopDisk } from './loop-disk.ts'
import { drawStrike, type Strike } from './strike.ts'

export interface ShutdownOptions {
  readonly kind: FileSystemKind
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (rounds: number, acknowledged: number) => void
}

export interface ShutdownFigures {
  readonly rounds: number
  readonly acknowledged: number
  /** Whatever else there is to count. */
  readonly counts: Readonly<Record<string, number>>
}

interface Struck {
  /** What had been read when the ioctl began. */
  readonly acknowledged: number
  readonly stopped: Promise<void>
}

type ShutdownVictim = Victim<ShutdownReport, ShutdownGo>

const CHILD = join(import.meta.dirname, 'child.ts')
/** Then the file system is made anew, in another way, with an empty store. */
const ROUNDS_PER_FILE_SYSTEM = 50
/** A moment that has not come by then is not waited for. */
const MOMENT_WITHIN_COMMANDS = 500
const GROUPS_MAX_BEFORE_CLOSE = 60
const READ_ONLY_ONE_IN = 4
/** Two snapshots, the log behind the older one, and what waits for retention. A crash loop must not make it more. */
const DIRECTORY_MAX_BYTES = 96 * 1024 * 1024
/** What an error of a store may be whose file system is gone. */
const EXPECTED_CODES = ['FAILED', 'IO_ERROR']

/** Throws at the first thing that is not as it must be, naming seed and round; the image is left as it is. */
export async function shutdownRounds(options: ShutdownOptions): Promise<ShutdownFigures> {
  const disk = await LoopDisk.make(options.kind)
  const run = new Run(options, disk)
  let kept = true
  try {
    await run.all()
    kept = false
    return run.figures()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const { kind, seed } = options
    throw new Error(`${kind.name}, seed ${seed}, round ${run.round}, ${disk.directory}: ${reason}`, { cause })
  } finally {
    await disk.end(kept)
  }
}

class Run {
  round = 0
  readonly #options: ShutdownOptions
  readonly #disk: LoopDisk
  readonly #random: SeededRandom
  readonly #counts: Record<string, number> = {}
  #expected: Expectation
  #victim: ShutdownVictim | undefined
  /** On the file systems before this one. */
  #acknowledgedBefore = 0
  /** What was read after the last shutdown had begun: see above. */
  #later = 0
  #strike: Strike | undefined
  #closes = 0
  #struck: Struck | undefined

  constructor(options: ShutdownOptions, disk: LoopDisk) {
    this.#options = options
    this.#disk = disk
    this.#random = new SeededRandom(options.seed)
    this.#expected = new Expectation(options.seed, LARGE_MAX_BYTES)
  }

  figures(): ShutdownFigures {
    const counts = Object.fromEntries(Object.entries(this.#counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    return { rounds: this.round, acknowledged: this.#acknowledgedBefore + this.#expected.floor, counts }
  }

  async all(): Promise<void> {
    try {
      while (this.round < this.#options.rounds) {
        if (this.round % ROUNDS_PER_FILE_SYSTEM === 0) await this.#begin()
        this.round += 1
        await this.#once()
        const { rounds, acknowledged } = this.figures()
        this.#options.onRound?.(rounds, acknowledged)
      }
    } finally {
      await this.#victim?.end()
    }
  }

  get #store(): string {
    return join(this.#disk.mountPoint, 'store')
  }

  /** A new file system with an empty store. */
  async #begin(): Promise<void> {
    await this.#victim?.end()
    this.#victim = undefined
    this.#acknowledgedBefore += this.#expected.floor
    this.#expected = new Expectation(this.#options.seed, LARGE_MAX_BYTES)
    if (this.round > 0) await this.#disk.unmount()
    const formatting = drawFormatting(this.#options.kind, this.#random)
    await this.#disk.format(formatting)
    this.#count(`made: ${[...formatting.make.slice(-1), formatting.mountOptions].join(' ')}`)
  }

  /** One shutdown, and the file system mounted again. What came back is looked at when the next round opens it. */
  async #once(): Promise<void> {
    this.#strike = drawStrike(this.#random)
    this.#closes = 0
    this.#struck = undefined
    // It waits behind the last round, if it has lived through that.
    this.#victim?.answer({})
    const victim = (this.#victim ??= this.#spawn())
    await this.#live(victim, this.#strike)
    const { acknowledged, stopped } = this.#hasStruck()
    await stopped
    this.#expected.floor = Math.max(this.#expected.floor, acknowledged)
    await this.#disk.unmount()
    await this.#disk.mount()
    if (victim.acknowledged > acknowledged) this.#count('rounds with later acknowledgements')
    this.#later = victim.acknowledged
    victim.forgetAcknowledged()
    await this.#measure()
    if (this.#random.below(READ_ONLY_ONE_IN) === 0) await this.#readOnly()
  }

  /** Until nothing of the store is open any more, or its process is dead. */
  async #live(victim: ShutdownVictim, strike: Strike): Promise<void> {
    for (;;) {
      const report = await victim.next()
      const doomed = this.#closes === strike.cleanCloses && this.#struck === undefined
      switch (report?.type) {
        case undefined:
          if (!victim.killed) throw new Error('the process ended by itself')
          this.#victim = undefined
          return
        case 'opening':
          if (doomed && strike.when === 'opening') this.#strikeAfter(strike.afterMs, victim)
          break
        case 'opened':
          if (this.#struck === undefined) this.#opened(report, victim)
          victim.answer(this.#sentence(report.seq, doomed ? strike : undefined, victim))
          break
        case 'closing':
          if (doomed && strike.when === 'closing') this.#strikeAfter(strike.afterMs, victim)
          break
        case 'closed':
          this.#closes += 1
          if (this.#struck === undefined) {
            this.#expected.floor = Math.max(this.#expected.floor, report.seq)
            this.#count('clean closes')
          }
          victim.answer({})
          break
        case 'stopped':
          this.#stopped(report)
          if (!strike.kill) return
          break
        case 'failed':
          throw new Error(report.reason)
        default:
          report satisfies never
      }
    }
  }

  /** How the store that was just opened is to end. */
  #sentence(seq: number, strike: Strike | undefined, victim: ShutdownVictim): ShutdownGo {
    const closeAfterGroups = this.#random.below(GROUPS_MAX_BEFORE_CLOSE)
    if (strike === undefined || strike.when === 'closing') return { closeAfterGroups }
    const wanted = seq + strike.afterCommands
    const moment = strike.when in MOMENTS ? MOMENTS[strike.when as Moment] : undefined
    victim.once(
      (said) =>
        moment === undefined
          ? said >= wanted
          : (said === moment && victim.acknowledged >= wanted) || said >= wanted + MOMENT_WITHIN_COMMANDS,
      () => this.#strikeAfter(strike.afterMs, victim),
    )
    return {}
  }

  #strikeAfter(ms: number, victim: ShutdownVictim): void {
    if (ms >= 1) setTimeout(() => this.#strikeNow(victim), ms)
    else {
      for (const until = performance.now() + ms; performance.now() < until; );
      this.#strikeNow(victim)
    }
  }

  #strikeNow(victim: ShutdownVictim): void {
    const { when, flag, kill } = this.#strike as Strike
    const stopped = this.#disk.shutDown(flag).then(() => {
      if (kill) victim.kill()
    })
    // Awaited once the process has noticed.
    stopped.catch(() => {})
    this.#struck = { acknowledged: victim.acknowledged, stopped }
    this.#count(`flag ${flag}`)
    this.#count(`struck at: ${when}`)
  }

  #hasStruck(): Struck {
    if (this.#struck === undefined) throw new Error('the process died, and its file system was not stopped')
    return this.#struck
  }

  #opened({ seq, state, found }: Extract<ShutdownReport, { type: 'opened' }>, victim: ShutdownVictim): void {
    const expected = this.#expected
    expected.floor = Math.max(expected.floor, victim.acknowledged)
    this.#check(seq, state)
    this.#count('opens')
    this.#count('survivors written again', found.survivors)
    if (found.tornBytes > 0) this.#count('torn tails')
    if (found.snapshotSeq > 0) this.#count('opens from a snapshot')
  }

  #stopped({ during, codes }: Extract<ShutdownReport, { type: 'stopped' }>): void {
    if (this.#struck === undefined) {
      throw new Error(`the store stopped by itself while ${during}: ${codes.join(', ')}`)
    }
    const unexpected = codes.filter((code) => !EXPECTED_CODES.includes(code.split(' ')[0] ?? ''))
    if (unexpected.length > 0) throw new Error(`while ${during}: ${unexpected.join(', ')}`)
    this.#count(`stopped while ${during}`)
    for (const code of codes) this.#count(`stopped with ${code}`)
  }

  /** The store as a reader finds it, before any writer has put it in order. */
  async #readOnly(): Promise<void> {
    if (this.#expected.floor === 0) return
    const store = await openReadOnly(this.#store, killMachine)
    try {
      this.#check(store.appliedSeq, store.state)
    } finally {
      await store.close()
    }
    this.#count('opens to read')
  }

  #check(seq: number, state: KillState): void {
    this.#expected.check(seq, state)
    if (seq < this.#later) this.#count('of these, lost')
    this.#later = 0
  }

  async #measure(): Promise<void> {
    if (this.#expected.floor === 0) return
    const names = await readdir(this.#store, { recursive: true })
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(this.#store, name))).size))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    this.#counts['largest directory, bytes'] = Math.max(this.#counts['largest directory, bytes'] ?? 0, bytes)
    if (bytes > DIRECTORY_MAX_BYTES) throw new Error(`the directory has grown to ${bytes} bytes`)
  }

  #spawn(): ShutdownVictim {
    const { seed } = this.#options
    return new Victim(CHILD, [this.#store, String(seed)], join(this.#disk.directory, 'compiled'))
  }

  #count(name: string, more = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + more
  }
}
