import { isHoldfastError } from '@holdfast/environment'
import { SeededRandom } from '../seeded-random.ts'
import { type CrashPoint, recordCrashPoints, simulate } from '../simulated/crash-points.ts'
import type { SimulatedDisk } from '../simulated/disk.ts'
import { EXTREME_SURVIVALS, survivalNamed } from '../simulated/survival.ts'
import { contentsOf, damageAtRandom, filesOf, loseAtRandom } from './damage.ts'
import type { ExploreOptions, Explored } from './explored.ts'
import { faultAtRandom } from './fault-at-random.ts'
import { NotingSurvival } from './noting-survival.ts'
import { Recovery } from './recovery.ts'
import { checkFound, type CutKind, type Found, type Observation } from './model.ts'
import { shuffled } from './shuffled.ts'
import { STORE, type Subject } from './subject.ts'
import { RandomWorkload } from './workload.ts'

const MAX_DEPTH = 3
const MAX_FAILURES = 20
/** Of so many recoveries one does all that may follow as well. That costs four times as much, and finds less. */
const THOROUGH_EVERY = 12
/** Where a cut has no more effects than this, the survivals are all that there can be. */
const ENUMERATED_EFFECTS = 5
/** Random survivals that are tried until there are as many different ones as are wanted, for each of these. */
const DRAWS_PER_SURVIVAL = 2
/** Damages that are tried on a log that was closed cleanly. */
const DAMAGES = 40

/** Runs workloads, and recovers from every moment at which they could have been cut off. */
export async function explore(subject: Subject, options: ExploreOptions): Promise<Explored> {
  const explored: Explored = {
    workloads: 0,
    operations: 0,
    points: 0,
    recoveries: 0,
    nested: 0,
    deepest: 0,
    damaged: 0,
    known: 0,
    repeated: 0,
    failures: [],
  }
  const started = performance.now()
  const { only, seed } = options
  const first = only?.workload ?? 0
  const end = only === undefined ? options.workloads : first + 1
  for (let number = first; number < end && !isOver(explored, options); number += 1) {
    await new Exploration(subject, options, number, explored).run(seedOf(`${seed}/${number}`))
    options.onWorkload?.(explored)
    if (performance.now() - started > (options.budgetMs ?? Number.POSITIVE_INFINITY)) break
  }
  return explored
}

class Exploration {
  readonly #subject: Subject
  readonly #options: ExploreOptions
  readonly #number: number
  readonly #explored: Explored
  readonly #faults: boolean
  #seed = 0
  /** What was found on a disk. */
  readonly #found: Map<string, Found> = new Map()

  constructor(subject: Subject, options: ExploreOptions, number: number, explored: Explored) {
    this.#subject = subject
    this.#options = options
    this.#number = number
    this.#explored = explored
    this.#faults = options.faults ?? number % 2 === 1
  }

  async run(seed: number): Promise<void> {
    this.#seed = seed
    const { records, kept, losesNames, damage = true, only } = this.#options
    const { steps = records === undefined ? 14 : Number.POSITIVE_INFINITY } = this.#options
    const workload = new RandomWorkload(this.#subject, seed, { steps, faults: this.#faults, kept, records })
    const run = await this.#attempt('', () =>
      recordCrashPoints(workload, { seed, losesNames: losesNames ?? false }),
    )
    this.#explored.workloads += 1
    if (run === undefined) return
    this.#explored.operations += run.operations
    this.#explored.points += run.points.length
    const cuts = only === undefined || only.cuts === '' ? undefined : only.cuts.split('/')
    // Where a bound ends it, all of the run has had its chance.
    const points = this.#options.maxRecoveries === undefined ? run.points : shuffled(run.points, seed)
    for (const point of points) {
      await this.#cutAt(point, workload.model.records, '', cuts, ...this.#survivals(point))
      if (this.#isOver) return
    }
    if (damage) await this.#damage(run.end.disk, run.end.observed, workload.model.records, seed, cuts?.[0])
  }

  /** I4, I9: a log that was closed cleanly and was damaged since is whole, or it is refused and left as it is. */
  async #damage(
    closed: SimulatedDisk,
    observed: Observation,
    records: ReadonlyMap<number, unknown>,
    seed: number,
    only: string | undefined,
  ): Promise<void> {
    // A log that failed before it was closed says nowhere where it ended: what is cut off there is a torn tail.
    if (!isClosedCleanly(closed)) return
    for (let i = 0; i < DAMAGES; i += 1) {
      const name = `damage:${i}`
      if (only !== undefined && only !== name) continue
      const disk = closed.afterPowerCut(survivalNamed('nothing'))
      await this.#recoverDamaged(disk, damageAtRandom, observed, records, seed + i, name)
    }
  }

  async #recoverDamaged(
    disk: SimulatedDisk,
    damage: (disk: SimulatedDisk, random: SeededRandom) => string,
    observed: Observation,
    records: ReadonlyMap<number, unknown>,
    seed: number,
    path: string,
  ): Promise<void> {
    const random = new SeededRandom(seed)
    const what = damage(disk, random)
    const before = contentsOf(disk)
    this.#explored.damaged += 1
    const settings = new SeededRandom(Math.imul(seed, 5))
    const recovery = new Recovery(this.#subject, records, observed, 'damage', random, false, settings)
    await this.#attempt(path, async () => {
      try {
        await simulate((environment) => recovery.run(environment), { seed, disk })
      } catch (error) {
        if (!isHoldfastError(error))
          throw new Error(`I4: ${what}: ${(error as Error).message}`, { cause: error })
        if (contentsOf(disk) !== before)
          throw new Error(`I9: ${what}: refused, and changed: ${error.message}`, { cause: error })
      }
    })
  }

  get #isOver(): boolean {
    return isOver(this.#explored, this.#options)
  }

  /** The names of survivals, and how many different disks they are to leave. */
  #survivals({ operation, during }: CrashPoint<Observation>): [string[], number] {
    const draws = this.#options.survivals * DRAWS_PER_SURVIVAL
    let random = Array.from(
      { length: draws },
      (_, i) => `random-${seedOf(`${this.#number}/${operation.index}/${i}`) % 1_000_000}`,
    )
    const everything = new NotingSurvival(survivalNamed('everything'))
    during.afterPowerCut(everything)
    const effects = everything.answers.length
    if (effects <= ENUMERATED_EFFECTS && 2 ** effects <= draws) {
      const all = Array.from(
        { length: 2 ** effects },
        (_, i) => `effects-${i.toString(2).padStart(effects, '0')}`,
      )
      // A few at random all the same: they may find stale bytes where nothing was written.
      random = [...all, ...random.slice(0, 4)]
    }
    const evicted = during.hasLost ? ['evicted-nothing', `evicted-random-${operation.index}`] : []
    const lost =
      (this.#options.damage ?? true) && operation.index % 2 === 0
        ? [`lost-${seedOf(`${this.#number}/${operation.index}`) % 1_000_000}`]
        : []
    return [
      ['kill-before', 'kill', ...evicted, ...lost, ...EXTREME_SURVIVALS, ...random],
      EXTREME_SURVIVALS.length + this.#options.survivals,
    ]
  }

  /** Recovers from the disks that a cut at this point may leave. `path`: the cuts before it. */
  async #cutAt(
    point: CrashPoint<Observation>,
    records: ReadonlyMap<number, unknown>,
    path: string,
    cuts: readonly string[] | undefined,
    survivals: readonly string[],
    different: number = survivals.length,
  ): Promise<void> {
    const [cut, ...laterCuts] = cuts ?? []
    let chosen = survivals
    if (cut !== undefined) {
      const [index, survival] = cut.split(':')
      if (Number(index) !== point.operation.index) return
      chosen = [survival as string]
    }
    const seen = new Set<string>()
    for (const survival of chosen) {
      if (this.#isOver || seen.size >= different) return
      const here = `${path}${point.operation.index}:${survival}`
      // What a cache has once forgotten is gone, whatever ends the world after that.
      const isKill = survival.startsWith('kill') && !path.includes(':evicted-')
      const kind: CutKind = isKill ? 'kill' : 'power'
      let disk: SimulatedDisk
      if (survival.startsWith('lost-')) {
        disk = point.during.afterPowerCut(survivalNamed('nothing'))
        const seed = Number(survival.slice('lost-'.length))
        if (filesOf(disk).length > 0)
          await this.#recoverDamaged(disk, loseAtRandom, point.observed, records, seed, here)
        continue
      }
      if (survival === 'kill-before') disk = point.before.fork()
      else if (survival === 'kill') {
        if (point.before === point.during && chosen.length > 1) continue
        disk = point.during.fork()
      } else if (survival.startsWith('evicted-')) {
        // A kill, and the system has dropped from its cache what a failed sync left there as clean.
        disk = point.during.fork()
        disk.evictLost(survivalNamed(survival.slice('evicted-'.length)))
      } else {
        const noting = new NotingSurvival(survivalNamed(survival))
        disk = point.during.afterPowerCut(noting)
        if (seen.has(noting.answers)) {
          this.#explored.repeated += 1
          continue
        }
        seen.add(noting.answers)
      }
      await this.#recover(
        disk,
        point.observed,
        kind,
        records,
        here,
        cuts === undefined ? undefined : laterCuts,
      )
    }
  }

  async #recover(
    disk: SimulatedDisk,
    observed: Observation,
    kind: CutKind,
    records: ReadonlyMap<number, unknown>,
    path: string,
    cuts: readonly string[] | undefined,
  ): Promise<void> {
    const depth = path.split('/').length
    const seed = seedOf(`${this.#seed}/${path}`)
    const random = new SeededRandom(seed)
    // The second time more often: there are far fewer to choose from. And always, until the third was reached.
    const every = Math.ceil((this.#options.nestedEvery ?? 40) / (depth === 1 ? 1 : 4))
    const drawn = every > 0 && random.below(every) === 0
    const isFirst = every > 0 && depth > 1 && this.#explored.deepest < MAX_DEPTH
    const nest = depth < MAX_DEPTH && (cuts === undefined ? drawn || isFirst : cuts.length > 0)
    // A replay goes all the way: the run that it repeats may have.
    const thorough = nest || cuts !== undefined || random.below(THOROUGH_EVERY) === 0
    // Its own numbers: a replay, which draws none for what to try, must draw the same records.
    const draws = new SeededRandom(~seed)
    const fault = this.#faults ? faultAtRandom(new SeededRandom(Math.imul(seed, 3))) : undefined
    const settings = new SeededRandom(Math.imul(seed, 5))
    const recovery = new Recovery(this.#subject, records, observed, kind, draws, thorough, settings, fault)
    this.#explored.deepest = Math.max(this.#explored.deepest, depth)
    if (!nest) {
      const fingerprint = disk.fingerprint
      const known = fault === undefined ? this.#found.get(fingerprint) : undefined
      await this.#attempt(path, async () => {
        // The same disk once more, after another moment: only what has to be on it may differ.
        if (known !== undefined) {
          checkFound(known, observed, kind)
          return
        }
        await simulate((environment) => recovery.run(environment), { seed, disk })
        if (recovery.found !== undefined) this.#found.set(fingerprint, recovery.found)
      })
      if (known !== undefined) this.#explored.known += 1
      else this.#recovered(depth)
      return
    }
    this.#recovered(depth)
    const { isDurable } = disk
    const run = await this.#attempt(path, () =>
      recordCrashPoints(recovery, { seed, disk, losesNames: this.#options.losesNames ?? false }),
    )
    if (run === undefined) return
    for (const point of run.points) {
      if (cuts === undefined && random.below(6) !== 0) continue
      const survivals = [
        'kill',
        'kill-before',
        'nothing',
        'everything',
        'newest',
        `random-${random.below(1_000_000)}`,
      ]
      const some = depth === 1 ? survivals : survivals.filter(() => random.below(3) === 0)
      // Where all that is on the disk is durable, as after a power cut, recovery, cut off, must find exactly the same again.
      const again: CrashPoint<Observation> =
        isDurable && point.observed.phase === observed.phase && recovery.found !== undefined
          ? { ...point, observed: exactly(recovery.found, observed) }
          : point
      await this.#cutAt(again, recovery.records, `${path}/`, cuts, some)
    }
  }

  #recovered(depth: number): void {
    this.#explored.recoveries += 1
    if (depth > 1) this.#explored.nested += 1
  }

  async #attempt<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      const { seed, maxFailures = MAX_FAILURES } = this.#options
      if (this.#explored.failures.length < maxFailures) {
        const { kept } = this.#options
        const steps = kept === undefined ? '' : ` --kept ${[...kept].join(',')}`
        const cuts = path === '' ? '' : ` --cuts ${path}`
        this.#explored.failures.push({
          replay: `--seed ${seed} --workload ${this.#number}${steps}${cuts}`,
          workload: this.#number,
          cuts: path,
          error: error as Error,
        })
      }
      return undefined
    }
  }
}

function exactly(
  { firstSeq, ids }: { firstSeq: number; ids: readonly number[] },
  observed: Observation,
): Observation {
  return {
    ...observed,
    phase: { firstSeq, base: ids, groups: [] },
    submitted: 0,
    durableSeq: 0,
    lastSeq: 0,
  }
}

function isOver({ failures, recoveries }: Explored, { maxFailures, maxRecoveries }: ExploreOptions): boolean {
  return (
    failures.length >= (maxFailures ?? MAX_FAILURES) ||
    recoveries >= (maxRecoveries ?? Number.POSITIVE_INFINITY)
  )
}

/** A number out of words: FNV-1a. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The manifest says so: `close` returns without it where the log had failed before. */
function isClosedCleanly(disk: SimulatedDisk): boolean {
  // Its own: what was copied while it was open was closed by itself.
  const manifest = `${STORE}/MANIFEST`
  return disk.paths().includes(manifest) && disk.contentOf(manifest).includes('"clean"')
}
