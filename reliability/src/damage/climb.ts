import type { Damage } from './damages.ts'
import { flips, mixUps, pairs, truncations, zeroedBlocks } from './damages.ts'
import { type Reading, readingOf } from './evidence.ts'
import { judge, type Verdict, Violation } from './judge.ts'
import { closedStore, type DamagedStore, type StoppedStore, stoppedStores } from './store.ts'
import { PLAIN, type StoreKind } from './store-kinds.ts'

/** One damage in so many is opened for writing too, and written to. All are planned and read. */
const WRITTEN_ONE_IN = 16
/** Violations that are told. */
const VIOLATIONS_MAX = 25

/** What was damaged, and what became of it. */
export class Tally {
  readonly figures: Record<string, number> = {}
  readonly violations: string[] = []

  count(key: string, by = 1): void {
    this.figures[key] = (this.figures[key] ?? 0) + by
  }

  violation(text: string): void {
    this.count('violations')
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(text)
  }
}

export interface CleanOptions {
  readonly seed: number
  readonly commandsEach: number
  /** Each so many-th bit and length. 1: all of them. */
  readonly every: number
  readonly pairs: number
  /** Default: the plain ones. */
  readonly kinds?: readonly StoreKind[]
}

type Progress = (line: string) => void

/** After a clean close no damage may take anything away: all is there, or the store is refused. */
export async function damageClosed(options: CleanOptions, tally: Tally, progress: Progress): Promise<void> {
  for (const kind of options.kinds ?? PLAIN) await damageOne(options, kind, tally, progress)
}

async function damageOne(
  { seed, commandsEach, every, pairs: pairCount }: CleanOptions,
  storeKind: StoreKind,
  tally: Tally,
  progress: Progress,
): Promise<void> {
  const store = await closedStore(seed, commandsEach, storeKind)
  const other = await closedStore(seed + 1, commandsEach, storeKind)
  const closed = storeKind.name
  const { files, earlier } = store
  const kinds: readonly (readonly [string, Iterable<Damage>, boolean])[] = [
    ['bits', flips(files, every), true],
    ['lengths', truncations(files, every), true],
    ['blocks of zeros', zeroedBlocks(files), true],
    ['files mixed up', mixUps(files, other.files, earlier), true],
    ['two at once', pairs(files, other.files, earlier, seed, pairCount), false],
  ]
  const lastSeq = store.commands.length
  for (const [kind, damages, strict] of kinds) {
    let number = 0
    for (const damage of damages) {
      number += 1
      const what = `${closed}, seed ${seed}, ${damage.name}`
      // Few, and all of them different: those are written to as well.
      const writes = kind === 'blocks of zeros' || kind === 'files mixed up' || number % WRITTEN_ONE_IN === 0
      const verdict = await verdictOn(damage, store, writes, what, tally)
      if (verdict === undefined) continue
      if (verdict.refused !== undefined) tally.count(`${closed}, ${kind}: refused`)
      else if (verdict.lastSeq === lastSeq)
        tally.count(
          `${closed}, ${kind}: intact${verdict.setAside > 0 ? ', from an older snapshot or the log' : ''}`,
        )
      else if (strict || isProven(damage, verdict))
        tally.violation(`${what}: ends at ${verdict.lastSeq}, silently, and not at ${lastSeq}`)
      else tally.count(`${closed}, ${kind}: ends where all that is left says so`)
      progress(`${number} ${kind} of the store ${closed}`)
    }
  }
}

/** Whether something that is still there says that more was durable. */
function isProven(damage: Damage, { lastSeq }: Verdict): boolean {
  const reading = readingOf(damage.files)
  return reading === undefined || reading.proven > lastSeq
}

export interface StoppedOptions {
  readonly seed: number
  readonly moments: number
  readonly every: number
}

/**
 * After a kill or a power cut the end of the log may be a torn tail or damage, and nothing says which. Below the
 * last evidence nothing may go; above it no more may go than the batches that nothing vouches for yet.
 */
export async function damageStopped(
  { seed, moments, every }: StoppedOptions,
  tally: Tally,
  progress: Progress,
): Promise<void> {
  for (const durability of ['disk', 'os'] as const) {
    for (const store of await stoppedStores(seed, durability, moments)) {
      const whole = readingOf(store.files)
      if (whole === undefined) {
        // Before there was a manifest. Later on it would not be what the format says.
        if (store.acknowledged > 0)
          tally.violation(`${store.name}: undamaged, and the manifest cannot be read by the format`)
        continue
      }
      const sound = await verdictOn({ name: 'undamaged', files: store.files }, store, true, store.name, tally)
      if (sound?.refused !== undefined || sound?.lastSeq !== whole.readable)
        tally.violation(
          `${store.name}: undamaged, ${JSON.stringify(sound)}, and ${whole.readable} can be read`,
        )
      if ((sound?.lastSeq ?? 0) < store.acknowledged)
        tally.violation(`${store.name}: ${store.acknowledged} were acknowledged, ${whole.readable} are there`)
      let number = 0
      for (const damage of bothOf(store, every)) {
        number += 1
        await judgeStopped(damage, store, whole, durability, number, tally)
        progress(`${number} damages of ${store.name}`)
      }
    }
  }
}

function* bothOf({ files }: DamagedStore, every: number): Generator<Damage> {
  yield* truncations(files, every)
  yield* flips(files, every)
}

async function judgeStopped(
  damage: Damage,
  store: StoppedStore,
  { readable, proven, lastBatch }: Reading,
  durability: 'disk' | 'os',
  number: number,
  tally: Tally,
): Promise<void> {
  const what = `${store.name}, ${damage.name}`
  const verdict = await verdictOn(damage, store, number % WRITTEN_ONE_IN === 0, what, tally)
  const reading = readingOf(damage.files)
  if (verdict === undefined) return
  if (verdict.refused !== undefined) {
    tally.count(`stopped at ${durability}: refused`)
    return
  }
  if (reading === undefined || verdict.lastSeq < reading.proven)
    tally.violation(`${what}: ends at ${verdict.lastSeq}, and ${reading?.proven} was durable`)
  else if (verdict.lastSeq < (durability === 'disk' ? Math.max(proven, lastBatch - 1) : proven))
    tally.violation(`${what}: ends at ${verdict.lastSeq}, and ${proven} was durable before the damage`)
  else if (verdict.lastSeq === readable) tally.count(`stopped at ${durability}: intact`)
  else {
    tally.count(`stopped at ${durability}: taken for a torn tail`)
    const most = `stopped at ${durability}: commands that went with one at most`
    tally.figures[most] = Math.max(tally.figures[most] ?? 0, readable - verdict.lastSeq)
  }
}

async function verdictOn(
  damage: Damage,
  store: DamagedStore,
  writes: boolean,
  what: string,
  tally: Tally,
): Promise<Verdict | undefined> {
  try {
    return await judge(damage.files, store, writes)
  } catch (error) {
    tally.violation(`${what}: ${error instanceof Violation ? error.message : String((error as Error).stack)}`)
    return undefined
  }
}
