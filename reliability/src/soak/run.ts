// An hour in a small way: two writers, one of which is killed from time to time, and a reader beside them. And stores
// that are filled only to be measured.
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '@holdfast/testing/environment'
import { Expectation } from '../kill/expectation.ts'
import { Victim } from '../kill/victim.ts'
import type { Progress } from '../rung.ts'
import type { Counts, SoakGo, SoakReport } from './parent.ts'
import { type Filled, filledBefore, type Filling, placeOnDisk } from './filler.ts'
import { Levels } from './levels.ts'
import { LARGE_MAX_BYTES } from './writer.ts'

export interface SoakOptions {
  /** Two stores are made in it. */
  readonly directory: string
  readonly seconds: number
  /** And until the writer that is not killed has closed its store so often, the other has been killed once, and there have been as many snapshots of the small store that is measured. */
  readonly closes?: number
  readonly seed: number
  readonly progress?: Progress
}

export interface SoakResult {
  readonly figures: Record<string, number | string>
  readonly violations: string[]
  readonly skipped: string[]
}

type Process = Victim<SoakReport, SoakGo>

const CHILD = join(import.meta.dirname, 'child.ts')
const DISK_EVERY_MS = 3000
/** A life of the process that is killed. */
const LIFE_MAX_MS = 40_000
const DELAY_MAX_MS = 30
/** A store with the engine's own options is filled once, where there is time for that. */
const DEFAULTS_MIN_SECONDS = 30
/** One for each way of taking snapshots. */
const DEFAULTS_CLOSES = 3

/** Why this machine cannot do it, or `undefined`. */
export function missingForSoak(): string | undefined {
  return process.platform === 'linux' ? undefined : 'descriptors are counted in /proc, which only Linux has'
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const run = new Run(options)
  const { directory, seed, seconds } = options
  try {
    await run.all()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    run.violations.push(`seed ${seed}, ${seconds} s, ${directory}: ${reason}`)
  }
  return run.result()
}

class Run {
  readonly violations: string[] = []
  readonly #options: SoakOptions
  readonly #endsAt: number
  readonly #random: SeededRandom
  readonly #levels = new Levels()
  readonly #totals: Counts = {}
  readonly #acknowledged = new Map<string, number>()
  readonly #kills = { mortal: 0, small: 0 }
  #steadyCloses = 0
  /** Something went wrong: the others need not go on. */
  #over = false

  constructor(options: SoakOptions) {
    this.#options = options
    this.#endsAt = performance.now() + options.seconds * 1000
    this.#random = new SeededRandom(options.seed)
  }

  async all(): Promise<void> {
    const [steady, mortal] = [this.#pathOf('steady'), this.#pathOf('mortal')]
    const parts = [
      this.#steady(steady),
      this.#mortal('mortal', (life) => this.#start('write', life, [mortal]), this.#expectation()),
      this.#mortal('small', (life) => this.#start('small', life, [this.#pathOf('small')]), undefined),
      this.#defaults(),
      this.#reader([steady, mortal]),
      this.#watchDisk([steady, mortal]),
    ]
    try {
      await Promise.all(parts)
    } finally {
      this.#over = true
      await Promise.allSettled(parts)
    }
  }

  result(): SoakResult {
    const { figures, violations, skipped } = this.#levels.judged()
    const acknowledged = Object.fromEntries(
      [...this.#acknowledged].map(([name, seq]) => [`acknowledged (${name})`, seq]),
    )
    return {
      figures: {
        ...acknowledged,
        kills: this.#kills.mortal,
        'kills (small)': this.#kills.small,
        ...sorted(this.#totals),
        ...figures,
        ...filledFigures('small', this.#filled('small')),
        ...filledFigures('defaults', this.#filled('defaults')),
      },
      violations: [...this.violations, ...violations.map((each) => `seed ${this.#options.seed}: ${each}`)],
      skipped,
    }
  }

  get #ending(): boolean {
    if (this.#over) return true
    const closes = this.#options.closes ?? 0
    return (
      performance.now() >= this.#endsAt &&
      this.#steadyCloses >= closes &&
      this.#kills.mortal >= Math.sign(closes) &&
      (closes === 0 || (this.#filled('small').snapshots ?? 0) >= closes)
    )
  }

  async #steady(directory: string): Promise<void> {
    await this.#live('steady', this.#start('write', 0, [directory]), this.#expectation())
  }

  /** Lives and dies. What the last one acknowledged has to be there for the next. */
  async #mortal(
    name: 'mortal' | 'small',
    start: (life: number) => Process,
    expected: Expectation | undefined,
  ): Promise<void> {
    const lifeMaxMs = Math.min(LIFE_MAX_MS, (this.#options.seconds * 1000) / 4)
    for (let life = 1; !this.#ending; life += 1) {
      const victim = start(life)
      const kind = this.#random.below(4)
      const dieWhile = kind === 0 ? 'opening' : kind === 1 ? 'closing' : undefined
      let due = false
      const timer = setTimeout(() => {
        due = true
        if (dieWhile === undefined) victim.kill()
      }, this.#random.below(lifeMaxMs))
      await this.#live(name, victim, expected, {
        heard: (report) => {
          if (due && report === dieWhile) victim.killAfter(this.#random.below(DELAY_MAX_MS))
        },
      })
      clearTimeout(timer)
      if (victim.killed) this.#kills[name] += 1
    }
  }

  async #defaults(): Promise<void> {
    if (this.#options.seconds < DEFAULTS_MIN_SECONDS) return
    let closes = 0
    const isEnough = (): boolean => {
      closes += 1
      return this.#over || closes >= DEFAULTS_CLOSES
    }
    const victim = this.#start('defaults', 0, [this.#pathOf('defaults')])
    await this.#live('defaults', victim, undefined, { isEnough })
  }

  async #reader(directories: readonly string[]): Promise<void> {
    await this.#live('reader', this.#start('read', 0, directories), undefined)
  }

  #expectation(): Expectation {
    return new Expectation(this.#options.seed, LARGE_MAX_BYTES)
  }

  #pathOf(name: string): string {
    return join(this.#options.directory, name)
  }

  #filled(filling: Filling): Partial<Filled> {
    return filledBefore(placeOnDisk(this.#pathOf(filling)).figuresPath)
  }

  #start(role: 'read' | 'write' | Filling, life: number, directories: readonly string[]): Process {
    const { seed, directory } = this.#options
    return new Victim(CHILD, [role, String(seed), String(life), ...directories], `${directory}/compiled`)
  }

  async #live(
    name: string,
    victim: Process,
    expected: Expectation | undefined,
    { heard = () => {}, isEnough = () => this.#ending }: Listening = {},
  ): Promise<void> {
    let ended = false
    try {
      for await (const report of victim.reports()) {
        heard(report.type)
        switch (report.type) {
          case 'opening':
          case 'closing':
            break
          case 'opened':
            if (expected !== undefined) {
              expected.floor = Math.max(expected.floor, victim.acknowledged)
              expected.check(report.seq, report.state)
            }
            victim.answer({})
            break
          case 'closed':
            if (expected !== undefined) expected.floor = Math.max(expected.floor, report.seq)
            this.#levels.closed(name, victim.pid, report.footprint)
            if (name === 'steady') this.#steadyCloses += 1
            for (const [what, more] of Object.entries(report.counts)) this.#count(what, more)
            ended = isEnough()
            victim.answer({ end: ended })
            break
          case 'failed':
            throw new Error(`${name}: ${report.reason}`)
          default:
            report satisfies never
        }
      }
      if (!victim.killed && !ended) throw new Error(`${name}: the process ended by itself`)
      if (expected === undefined) return
      expected.floor = Math.max(expected.floor, victim.acknowledged)
      this.#acknowledged.set(name, expected.floor)
    } finally {
      await victim.end()
    }
  }

  async #watchDisk(directories: readonly string[]): Promise<void> {
    while (!this.#ending) {
      await sleep(DISK_EVERY_MS)
      for (const directory of directories) {
        if (existsSync(directory)) this.#levels.disk(directory, await bytesOnDisk(directory))
      }
      const commands = this.#totals['groups'] ?? 0
      this.#options.progress?.(`${commands} groups, ${this.#kills.mortal} kills, ${this.#levels.summary()}`)
    }
  }

  #count(what: string, more: number): void {
    this.#totals[what] = (this.#totals[what] ?? 0) + more
  }
}

/** What the parent does beside, and when a process that has closed its store may end. */
interface Listening {
  readonly heard?: (report: SoakReport['type']) => void
  readonly isEnough?: () => boolean
}

/** How near a store came to what it may take. */
function filledFigures(name: Filling, filled: Partial<Filled>): Record<string, number | string> {
  const { share, looks, snapshots = 0, rotations = 0, trimmedSegments = 0, pinDrops = 0 } = filled
  if (share === undefined) return {}
  const { heldBackBytes = 0, meanwhileMaxBytes = 0, givenUpMaxBytes = 0 } = filled
  return {
    [`snapshots (${name})`]: snapshots,
    [`rotations (${name})`]: rotations,
    [`segments trimmed (${name})`]: trimmedSegments,
    [`pins dropped (${name})`]: pinDrops,
    [`most held back by a pin (${name})`]: heldBackBytes,
    [`most logged while a snapshot was taken (${name})`]: meanwhileMaxBytes,
    [`most logged by snapshots that came to nothing (${name})`]: givenUpMaxBytes,
    [`highest share of the disk it may take (${name})`]: `${(100 * share).toFixed(1)} %, ${looks} looks`,
  }
}

async function bytesOnDisk(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true })
  // Some are removed meanwhile.
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function sorted(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
