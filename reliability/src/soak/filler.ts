// A store that is filled without a pause, while its files are measured all the time.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Environment, nodeEnvironment } from '@holdfast/environment'
import { SeededRandom } from '@holdfast/testing/environment'
import { open, type PinOptions, type SnapshotMode } from 'holdfast'
import { DiskBound, type DiskFigures, type Said } from './disk-bound.ts'
import type fillMachine from './fill-machine.ts'
import { footprint } from './footprint.ts'
import { type Lag, LaggingPin } from './lagging-pin.ts'
import { Pace } from './pace.ts'
import { answerTo, report } from './parent.ts'
import type { StoredFile } from './stored-files.ts'

interface FillingOptions {
  /** Commands put so many values, of so many bytes at most: the state is half the product. */
  readonly keys: number
  readonly valueMaxBytes: number
  readonly segmentBytes?: number
  readonly everyBytes?: number
  /** Of somebody who reads the log, in most lives. */
  readonly lag: Lag
  /** Some lives end behind a few commands, whatever is under way: so many at most. */
  readonly shortLifeCommands?: number
}

const KIB = 1024

/** How a store is filled. */
const FILLINGS = {
  /** So little of everything that it rotates, snapshots and trims again and again. */
  small: {
    keys: 64,
    valueMaxBytes: 1.5 * KIB,
    segmentBytes: 8 * KIB,
    everyBytes: 48 * KIB,
    lag: { maxBytes: 64 * KIB, advancesOneIn: 2 },
    shortLifeCommands: 200,
  },
  /** Every option as it is, but for the cap of pins: a GiB takes more of a disk than a soak should. */
  defaults: {
    keys: 16,
    valueMaxBytes: KIB * KIB,
    lag: { maxBytes: 80 * KIB * KIB, advancesOneIn: 8 },
  },
} satisfies Record<string, FillingOptions>

export type Filling = keyof typeof FILLINGS

/** What has been done with the store, and the most that was seen of it, over all its lives. */
export interface Filled extends DiskFigures {
  snapshots: number
  rotations: number
  trimmedSegments: number
  /** Pins that held back more than they may. */
  pinDrops: number
  /** What the pin of the last life kept. */
  pinnedFrom: number | undefined
}

const MODULE = new URL('fill-machine.ts', import.meta.url)
/** A thread takes longer to start than everything else. */
const MODES: readonly SnapshotMode[] = ['blocking', 'captured', 'worker', 'blocking', 'captured']
/** What the engine does where nothing is said. */
const DEFAULTS = { keep: 2, segmentBytes: 64 * KIB * KIB }
const OS_ONE_IN = 2
/** By turns so many commands at once, of any size, and one by one so small that what surrounds them is most of the log. */
const IN_FLIGHT_MAX = 8
const TINY_MAX_BYTES = 16
const TURN_COMMANDS = 64
const TINY_ONE_IN = 4
/** Nobody's pin is there. */
const UNPINNED_ONE_IN = 4
/** So many at most follow each that goes on until there have been snapshots. Threads take theirs: closing waits for all others. */
const SHORT_LIVES_MAX = 4
/** Beside the look behind each command: while it waits for one, too. */
const LOOK_EVERY_MS = 10

type FillStore = Awaited<ReturnType<typeof openFillStore>>

/** Each life takes snapshots in another way. */
function openFillStore(
  { directory, environment }: Place,
  filling: FillingOptions,
  life: number,
  pins: readonly PinOptions[],
) {
  const { segmentBytes = DEFAULTS.segmentBytes, everyBytes } = filling
  const mode = MODES[life % MODES.length]
  const compression = life % 2 === 0 ? 'none' : 'zstd'
  const options = { environment, segmentBytes, pins, snapshot: { everyBytes, mode, compression } } as const
  return open<typeof fillMachine>(directory, MODULE, options)
}

/** Where such a store is. */
export interface Place {
  readonly directory: string
  readonly environment: Environment
  /** Its files as they are now. */
  files(this: void): StoredFile[]
  /** Where the next process finds what was seen, if there is to be one. */
  readonly figuresPath?: string
}

/** Of a core. */
const SHARES: Readonly<Record<Filling, number>> = { small: 0.25, defaults: 0.25 }
/** Before it is closed. */
const SNAPSHOTS: Readonly<Record<Filling, number>> = { small: 5, defaults: 3 }

export function isFilling(name: string | undefined): name is Filling {
  return name !== undefined && name in FILLINGS
}

/** Fills a store again and again, until the parent says that it is enough. */
export async function fill(directory: string, filling: Filling, seed: number, life: number): Promise<void> {
  const lifeSeed = Math.imul(seed, 0x9e3779b9) ^ life
  const filler = new Filler(placeOnDisk(directory), filling, lifeSeed)
  const random = new SeededRandom(lifeSeed)
  const pace = new Pace(SHARES[filling])
  for (let turn = life; ; turn += 1) {
    const short = 'shortLifeCommands' in FILLINGS[filling] ? random.below(SHORT_LIVES_MAX + 1) : 0
    for (let index = 0; index <= short; index += 1) {
      report({ type: 'opening' })
      await filler.live(index > 0 ? MODES.indexOf('worker') : turn, SNAPSHOTS[filling], {
        isShort: index > 0,
        rest: () => pace.keep(),
        closing: () => report({ type: 'closing' }),
      })
    }
    const print = await footprint([directory])
    const { end } = await answerTo({ type: 'closed', seq: 0, footprint: print, counts: {} })
    if (end === true) return
  }
}

/** What is done in a life beside. */
export interface Meanwhile {
  /** It may end before there has been a snapshot. */
  readonly isShort?: boolean
  /** Behind each command. */
  rest?(this: void): Promise<void>
  /** The store is about to be closed. */
  closing?(this: void): void
}

interface Life extends Meanwhile {
  readonly snapshots: number
  readonly isPinned: boolean
}

/** Lives of such a store, one after the other. */
export class Filler {
  readonly #place: Place
  readonly #filling: FillingOptions
  readonly #random: SeededRandom
  readonly #bound: DiskBound
  readonly #done: { snapshots: number; rotations: number; trimmedSegments: number; pinDrops: number }
  readonly #pin: LaggingPin
  #failure: Error | undefined

  constructor(place: Place, filling: Filling, seed: number) {
    const before = filledBefore(place.figuresPath)
    const { snapshots = 0, rotations = 0, trimmedSegments = 0, pinDrops = 0, pinnedFrom } = before
    this.#place = place
    this.#filling = FILLINGS[filling]
    this.#random = new SeededRandom(seed)
    this.#bound = new DiskBound({ everyBytes: undefined, ...DEFAULTS, ...this.#filling }, before)
    this.#done = { snapshots, rotations, trimmedSegments, pinDrops }
    this.#pin = new LaggingPin(this.#filling.lag, this.#random, pinnedFrom)
  }

  get filled(): Filled {
    return { ...this.#bound.figures, ...this.#done, pinnedFrom: this.#pin.from }
  }

  /** Opens the store, fills it until so many snapshots have been taken, and closes it; some that are filled for a short time only it closes before. */
  async live(life: number, snapshots: number, meanwhile: Meanwhile = {}): Promise<void> {
    const isPinned = this.#random.below(UNPINNED_ONE_IN) > 0
    if (!isPinned) this.#pin.forget()
    const store = await this.#open(life)
    const heard = (batch: unknown): void => this.#bound.batch((batch as { readonly bytes: number }).bytes)
    subscribe('holdfast:commit', heard)
    const looking = setInterval(() => this.#look(store), LOOK_EVERY_MS)
    try {
      await this.#fill(store, { snapshots, isPinned, ...meanwhile })
      meanwhile.closing?.()
    } finally {
      clearInterval(looking)
      unsubscribe('holdfast:commit', heard)
      await store.close()
    }
    this.#done.rotations += store.stats().log.rotations
    this.#look(store)
    this.#bound.closed(store.stats().snapshots.mode === 'worker' ? 'gives up' : 'waits')
    this.#note()
    this.#assertSound()
  }

  async #open(life: number): Promise<FillStore> {
    const store = await openFillStore(this.#place, this.#filling, life, this.#pin.options)
    this.#pin.opened(store)
    this.#done.pinDrops += store.pins.filter(({ dropped }) => dropped).length
    store.events.on('snapshot', ({ name }) => {
      this.#look(store)
      this.#bound.snapshot(name)
      this.#done.snapshots += 1
      this.#look(store)
      this.#note()
    })
    store.events.on('trimmed', ({ segments }) => {
      this.#done.trimmedSegments += segments
      this.#bound.trimmed(this.#place.files(), said(store))
      this.#look(store)
      this.#note()
    })
    store.events.on('pinDropped', () => {
      this.#done.pinDrops += 1
    })
    // A snapshot that failed would let the log grow, and nothing is made to fail here.
    for (const event of ['snapshotFailed', 'warning', 'failed'] as const) {
      store.events.on(event, (error) => {
        this.#failure ??= error as Error
      })
    }
    this.#lookAtOpened(store)
    return store
  }

  /** A process may have died while a snapshot was due, or being written. */
  #lookAtOpened(store: FillStore): void {
    const { log, snapshot } = store.report
    const survivorBytes = log.survivors?.bytes ?? 0
    const sinceBytes = log.segments.reduce((sum, each) => sum + each.bytes - each.neededFrom, survivorBytes)
    const found = { newest: snapshot?.name ?? '', sinceBytes, survivorBytes }
    this.#hold(() => this.#bound.opened(this.#place.files(), found, said(store)))
    this.#note()
  }

  async #fill(store: FillStore, { snapshots, isPinned, isShort = false, rest }: Life): Promise<void> {
    const { keys, valueMaxBytes, shortLifeCommands } = this.#filling
    const random = this.#random
    const until = this.#done.snapshots + snapshots
    const end = isShort && shortLifeCommands !== undefined ? random.below(shortLifeCommands) : Infinity
    const underWay: Promise<unknown>[] = []
    let isTiny = false
    for (let index = 0; this.#done.snapshots < until && index < end; index += 1) {
      if (index % TURN_COMMANDS === 0) {
        isTiny = random.below(TINY_ONE_IN) === 0
        if (isPinned) this.#pin.turn(store)
      }
      const value = new Uint8Array(random.below(isTiny ? TINY_MAX_BYTES : valueMaxBytes))
      // Compressed, some of it is left.
      value.set(random.bytes(Math.min(value.length, KIB / 2)))
      const durability = random.below(OS_ONE_IN) === 0 ? 'os' : 'disk'
      underWay.push(store.execute('put', { key: random.below(keys), value }, { durability }))
      while (underWay.length >= (isTiny ? 1 : IN_FLIGHT_MAX)) await underWay.shift()
      this.#look(store)
      this.#assertSound()
      await rest?.()
    }
    await Promise.all(underWay)
  }

  #look(store: FillStore): void {
    this.#hold(() => {
      if (this.#bound.look(this.#place.files(), said(store))) this.#note()
    })
  }

  #hold(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#failure ??= error as Error
    }
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** For the process after this one: it may end at any moment. */
  #note(): void {
    const { figuresPath: path } = this.#place
    if (path === undefined) return
    writeFileSync(`${path}.tmp`, JSON.stringify(this.filled))
    renameSync(`${path}.tmp`, path)
  }
}

function said(store: FillStore): Said {
  const { log, snapshots } = store.stats()
  const { appendedBytes, pins } = log
  return { appendedBytes, sinceBytes: snapshots.bytesSince, pins, atMs: performance.now() }
}

/** What a store was filled with by processes before this one. */
export function filledBefore(figuresPath: string | undefined): Partial<Filled> {
  if (figuresPath === undefined || !existsSync(figuresPath)) return {}
  return JSON.parse(readFileSync(figuresPath, 'utf8')) as Filled
}

/** On the disk. */
export function placeOnDisk(directory: string): Place & { readonly figuresPath: string } {
  return {
    directory,
    environment: nodeEnvironment,
    files: () => storedFiles(directory),
    figuresPath: `${directory}.figures.json`,
  }
}

/**
 * Sizes: what a file system makes of them is its own affair, blocks of 4 KiB mostly. All at once, so that nothing of
 * this thread comes between; a file that is renamed or removed meanwhile is left out.
 */
function storedFiles(directory: string): StoredFile[] {
  return ['', 'wal', 'snapshots'].flatMap((below) => {
    if (!existsSync(join(directory, below))) return []
    return readdirSync(join(directory, below)).flatMap((name) => {
      const stats = statSync(join(directory, below, name), { throwIfNoEntry: false })
      return stats?.isFile() ? [{ path: below === '' ? name : `${below}/${name}`, bytes: stats.size }] : []
    })
  })
}
