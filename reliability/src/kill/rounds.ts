// Kills a process at random moments, over and over, and holds what comes back against what was acknowledged.
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporaryName, nodeEnvironment } from '@holdfast/environment'
import { SeededRandom } from '@holdfast/testing/environment'
import { readManifest } from '@holdfast/wal'
import { openReadOnly } from 'holdfast'
import type { KillCounts, KillGo, KillReport } from './child.ts'
import { Expectation } from './expectation.ts'
import { SNAPSHOTS_KEPT } from './store.ts'
import { Victim } from './victim.ts'
import { killMachine } from './workload.ts'

export interface KillOptions {
  readonly directory: string
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (figures: KillFigures) => void
}

/** What a run came to. A lost command is not among it: that ends the run. */
export interface KillFigures extends KillCounts {
  kills: number
  /** Kills that hit while the store was being opened or closed. */
  killsWhileOpening: number
  killsWhileClosing: number
  cleanCloses: number
  /** The last sequence whose acknowledgement was read. */
  acknowledged: number
  /** Commands that were there after a kill without an acknowledgement that the parent had read. */
  unread: number
  /** Commands that opening wrote again, and bytes that it set aside. */
  survivors: number
  tornTails: number
  tornBytes: number
  /** Openings that began with a snapshot. */
  fromSnapshot: number
  opens: number
  readOnlyOpens: number
  largestDirectoryBytes: number
}

/** How one process is to die. */
interface Death {
  readonly when: 'acknowledged' | 'writing' | 'opening' | 'closing'
  /** Clean closes that it may do before. */
  readonly cleanCloses: number
  readonly afterCommands: number
  readonly afterMs: number
}

type KillVictim = Victim<KillReport, KillGo>

const CHILD = join(import.meta.dirname, 'child.ts')

const DELAY_MAX_MS = 16
/** What a large write takes, about. */
const WRITE_MAX_US = 4000
const COMMANDS_MAX = 1200
const GROUPS_MAX_BEFORE_CLOSE = 150
const READ_ONLY_EVERY_ROUNDS = 4
/**
 * Two snapshots, the log behind the older one (some thousand commands, a few of them large), and what is set
 * aside until retention takes it, and what a pin keeps: a few times less than this. A thousand rounds write a hundred times as much.
 */
const DIRECTORY_MAX_BYTES = 192 * 1024 * 1024

/** Throws at the first thing that is not as it must be, naming seed and round; the directory is left as it is. */
export async function killRounds(options: KillOptions): Promise<KillFigures> {
  const run = new Run(options)
  for (let round = 1; round <= options.rounds; round += 1) {
    try {
      await run.round(round)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`seed ${options.seed}, round ${round}, ${options.directory}: ${reason}`, { cause })
    }
    options.onRound?.(run.figures)
  }
  return run.figures
}

class Run {
  readonly #options: KillOptions
  readonly #random: SeededRandom
  readonly #expected: Expectation
  readonly figures: KillFigures = {
    kills: 0,
    killsWhileOpening: 0,
    killsWhileClosing: 0,
    cleanCloses: 0,
    acknowledged: 0,
    unread: 0,
    survivors: 0,
    tornTails: 0,
    tornBytes: 0,
    fromSnapshot: 0,
    opens: 0,
    readOnlyOpens: 0,
    largestDirectoryBytes: 0,
    blocking: 0,
    captured: 0,
    worker: 0,
    compressed: 0,
    compared: 0,
    threadsKilled: 0,
    pinsDropped: 0,
  }

  constructor(options: KillOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed)
    this.#expected = new Expectation(options.seed)
  }

  async round(round: number): Promise<void> {
    const { directory, seed } = this.#options
    const args = [directory, String(seed), String(round)]
    const victim = new Victim<KillReport, KillGo>(CHILD, args, `${directory}-compiled`)
    try {
      await this.#live(victim, this.#drawDeath())
    } finally {
      await victim.end()
    }
    if (round % READ_ONLY_EVERY_ROUNDS === 0) await this.#readOnly()
    await this.#measure()
  }

  #drawDeath(): Death {
    const random = this.#random
    const kind = random.below(100)
    const when = kind < 35 ? 'acknowledged' : kind < 60 ? 'writing' : kind < 85 ? 'opening' : 'closing'
    return {
      when,
      cleanCloses: random.below(3) === 0 ? 1 : 0,
      afterCommands: 1 + random.below(COMMANDS_MAX),
      afterMs: when === 'writing' ? random.below(WRITE_MAX_US) / 1000 : random.below(DELAY_MAX_MS),
    }
  }

  async #live(victim: KillVictim, death: Death): Promise<void> {
    let closed = 0
    let last: KillReport['type'] | undefined
    for await (const report of victim.reports()) {
      if (report.type === 'counted') {
        this.figures[report.what] += 1
        continue
      }
      last = report.type
      const doomed = closed === death.cleanCloses
      switch (report.type) {
        case 'opening':
          if (doomed && death.when === 'opening') victim.killAfter(death.afterMs)
          break
        case 'opened':
          this.#opened(report, victim)
          victim.answer(this.#sentence(report.seq, doomed ? death : undefined, victim))
          break
        case 'closing':
          if (doomed && death.when === 'closing') victim.killAfter(death.afterMs)
          break
        case 'closed':
          closed += 1
          await this.#closed(report.seq, victim)
          victim.answer({})
          break
        case 'failed':
          throw new Error(report.reason)
        default:
          report satisfies never
      }
    }
    if (!victim.killed) throw new Error('the process ended by itself')
    this.#expected.floor = Math.max(this.#expected.floor, victim.acknowledged)
    this.figures.acknowledged = this.#expected.floor
    this.figures.kills += 1
    if (last === 'opening') this.figures.killsWhileOpening += 1
    if (last === 'closing') this.figures.killsWhileClosing += 1
  }

  /** How the store that was just opened is to end. */
  #sentence(seq: number, death: Death | undefined, victim: KillVictim): KillGo {
    const closeAfterGroups = this.#random.below(GROUPS_MAX_BEFORE_CLOSE)
    if (death === undefined || death.when === 'closing') return { closeAfterGroups }
    if (death.when === 'acknowledged') victim.killAtAcknowledged(seq + death.afterCommands, death.afterMs)
    if (death.when === 'writing') victim.killWhileWriting(death.afterMs)
    return {}
  }

  #opened({ seq, state, found }: Extract<KillReport, { type: 'opened' }>, victim: KillVictim): void {
    const expected = this.#expected
    expected.floor = Math.max(expected.floor, victim.acknowledged)
    this.figures.unread += Math.max(0, seq - expected.floor)
    expected.check(seq, state)
    this.figures.opens += 1
    this.figures.survivors += found.survivors
    this.figures.tornBytes += found.tornBytes
    if (found.tornBytes > 0) this.figures.tornTails += 1
    if (found.snapshotSeq > 0) this.figures.fromSnapshot += 1
  }

  async #closed(seq: number, victim: KillVictim): Promise<void> {
    this.#expected.floor = Math.max(this.#expected.floor, victim.acknowledged, seq)
    this.figures.cleanCloses += 1
    const names = await readdir(this.#options.directory, { recursive: true })
    const temporary = names.filter((name) => isTemporaryName(name))
    if (temporary.length > 0) throw new Error(`left over after a clean close: ${temporary.join(', ')}`)
    const manifest = await readManifest(nodeEnvironment, this.#options.directory)
    const count = (suffix: string): number => names.filter((name) => name.endsWith(suffix)).length
    if (manifest?.clean === undefined) throw new Error('the manifest does not say that the close was clean')
    if (manifest.segments.length !== count('.wal') || manifest.snapshots.length !== count('.snap')) {
      throw new Error(`the files are not those of the manifest: ${names.join(', ')}`)
    }
    if (manifest.snapshots.length > SNAPSHOTS_KEPT) throw new Error('more snapshots than are to be kept')
  }

  /** The store as a reader finds it, before any writer has put it in order. */
  async #readOnly(): Promise<void> {
    if (this.#expected.floor === 0) return
    const store = await openReadOnly(this.#options.directory, killMachine)
    try {
      this.#expected.check(store.appliedSeq, store.state)
    } finally {
      await store.close()
    }
    this.figures.readOnlyOpens += 1
  }

  async #measure(): Promise<void> {
    const { directory } = this.#options
    // Killed so early that there is none yet.
    if (!existsSync(directory)) return
    const names = await readdir(directory, { recursive: true })
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    this.figures.largestDirectoryBytes = Math.max(this.figures.largestDirectoryBytes, bytes)
    if (bytes > DIRECTORY_MAX_BYTES) throw new Error(`the directory has grown to ${bytes} bytes`)
  }
}
