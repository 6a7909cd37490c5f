// A store that is filled without a pause, while its files are measured all the time.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Environment, nodeEnvironment } from '@holdfast/environment'
import { SeededRandom } from '@holdfast/testing/environment'
import { open, type SnapshotMode } from 'holdfast'
import { DiskBound, type DiskFigures, type StoredFile } from './disk-bound.ts'
import type fillMachine from './fill-machine.ts'
import { footprint } from './footprint.ts'
import { Pace } from './pace.ts'
import { answerTo, report } from './parent.ts'

interface FillingOptions {
  /** Commands put so many values, of so many bytes at most: the state is half the product. */
  readonly keys: number
  readonly valueMaxBytes: number
  readonly segmentBytes?: number
  readonly everyBytes?: number
}

const KIB = 1024

/** How a store is filled. */
const FILLINGS = {
  /** So little of everything that it rotates, snapshots and trims again and again. */
  small: { keys: 64, valueMaxBytes: 1.5 * KIB, segmentBytes: 8 * KIB, everyBytes: 48 * KIB },
  /** Every option as it is. */
  defaults: { keys: 16, valueMaxBytes: KIB * KIB },
} satisfies Record<string, FillingOptions>

export type Filling = keyof typeof FILLINGS

/** What has been done with the store, and the most that was seen of it, over all its lives. */
export interface Filled extends DiskFigures {
  snapshots: number
  rotations: number
  trimmedSegments: number
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
/** Beside the look behind each command: while it waits for one, too. */
const LOOK_EVERY_MS = 10

type FillStore = Awaited<ReturnType<typeof openFillStore>>

/** Each life takes snapshots in another way. */
function openFillStore({ directory, environment }: Place, filling: FillingOptions, life: number) {
  const { segmentBytes = DEFAULTS.segmentBytes, everyBytes } = filling
  const mode = MODES[life % MODES.length]
  const compression = life % 2 === 0 ? 'none' : 'zstd'
  const options = { environment, segmentBytes, snapshot: { everyBytes, mode, compression } } as const
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
  const filler = new Filler(placeOnDisk(directory), filling, Math.imul(seed, 0x9e3779b9) ^ life)
  const pace = new Pace(SHARES[filling])
  for (let turn = life; ; turn += 1) {
    report({ type: 'opening' })
    await filler.live(turn, SNAPSHOTS[filling], {
      rest: () => pace.keep(),
      closing: () => report({ type: 'closing' }),
    })
    const print = await footprint([directory])
    const { end } = await answerTo({ type: 'closed', seq: 0, footprint: print, counts: {} })
    if (end === true) return
  }
}

/** What is done in a life beside. */
export interface Meanwhile {
  /** Behind each command. */
  rest?(this: void): Promise<void>
  /** The store is about to be closed. */
  closing?(this: void): void
}

/** Lives of such a store, one after the other. */
export class Filler {
  readonly #place: Place
  readonly #filling: FillingOptions
  readonly #random: SeededRandom
  readonly #bound: DiskBound
  readonly #done: Omit<Filled, keyof DiskFigures>
  #failure: Error | undefined

  constructor(place: Place, filling: Filling, seed: number) {
    const { snapshots = 0, rotations = 0, trimmedSegments = 0, ...figures } = filledBefore(place.figuresPath)
    this.#place = place
    this.#filling = FILLINGS[filling]
    this.#random = new SeededRandom(seed)
    this.#bound = new DiskBound({ everyBytes: undefined, ...DEFAULTS, ...this.#filling }, figures)
    this.#done = { snapshots, rotations, trimmedSegments }
  }

  get filled(): Filled {
    return { ...this.#bound.figures, ...this.#done }
  }

  /** Opens the store, fills it until so many snapshots have been taken, and closes it. */
  async live(life: number, snapshots: number, meanwhile: Meanwhile = {}): Promise<void> {
    const store = await this.#open(life)
    const heard = (batch: unknown): void => this.#bound.batch((batch as { readonly bytes: number }).bytes)
    subscribe('holdfast:commit', heard)
    const looking = setInterval(() => this.#look(store), LOOK_EVERY_MS)
    try {
      await this.#fill(store, snapshots, meanwhile.rest)
      meanwhile.closing?.()
    } finally {
      clearInterval(looking)
      unsubscribe('holdfast:commit', heard)
      await store.close()
    }
    this.#done.rotations += store.stats().log.rotations
    this.#look(store)
    this.#note()
    this.#assertSound()
  }

  async #open(life: number): Promise<FillStore> {
    const store = await openFillStore(this.#place, this.#filling, life)
    // A process may have died while a snapshot was due, or being written.
    const { segments, survivors } = store.report.log
    this.#look(
      store,
      segments.reduce((sum, { bytes, neededFrom }) => sum + bytes - neededFrom, survivors?.bytes ?? 0),
    )
    store.events.on('snapshot', () => {
      this.#look(store)
      this.#done.snapshots += 1
      this.#bound.snapshot()
      this.#note()
    })
    store.events.on('trimmed', ({ segments }) => {
      this.#done.trimmedSegments += segments
      this.#look(store)
    })
    for (const event of ['snapshotFailed', 'warning', 'failed'] as const) {
      store.events.on(event, (error) => {
        this.#failure ??= error as Error
      })
    }
    return store
  }

  async #fill(store: FillStore, snapshots: number, rest?: () => Promise<void>): Promise<void> {
    const { keys, valueMaxBytes } = this.#filling
    const random = this.#random
    const until = this.#done.snapshots + snapshots
    const underWay: Promise<unknown>[] = []
    let isTiny = false
    for (let index = 0; this.#done.snapshots < until; index += 1) {
      if (index % TURN_COMMANDS === 0) isTiny = random.below(TINY_ONE_IN) === 0
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

  #look(store: FillStore, bytesSince: number = store.stats().snapshots.bytesSince): void {
    try {
      this.#bound.look(this.#place.files(), bytesSince)
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
