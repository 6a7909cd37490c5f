// Mounts what a power cut can have left, with the file system's own recovery, and opens the store there.
import { nodeEnvironment } from '@holdfast/environment'
import type { BlockDevice } from './block-device.ts'
import type { BlockLog, BlockWrite } from './block-log.ts'
import type { FileSystemKind } from './file-systems.ts'
import { type CutOptions, type DiskState, intervalsOf } from './intervals.ts'
import { storeOn } from './session.ts'
import { type Overlay, piecesOf, SECTOR_BYTES } from './survivals.ts'
import { type TornTail, tornTailOf } from './torn-tail.ts'
import { type BlockStore, groupsOf, openStore, Prefixes, unsyncedEnvironment } from './workload.ts'

export interface ReplayOptions extends CutOptions {
  /** No state is begun past this moment of `performance.now()`. */
  readonly until: number
  readonly onState?: (figures: ReplayFigures) => void
}

export interface ReplayFigures {
  cuts: number
  /** One for each cut point and survival. */
  states: number
  /** Of these, disks that differ: each was mounted and opened once. */
  opened: number
  /** What the file system refused to mount until a torn superblock of its own was taken away; and altogether. */
  tornSuperblocks: number
  unmountable: number
  /** Openings that found batches that nothing proved, and wrote them again. */
  withSurvivors: number
  fromSnapshot: number
  /** Openings with a torn tail. */
  tornTails: number
  violations: number
  /** Not ended by its time, nor by broken promises. */
  complete: boolean
}

export interface Replayed {
  readonly figures: ReplayFigures
  readonly violations: string[]
  /** Each torn tail with the state that has it. */
  readonly tornTails: (TornTail & { cut: number; survival: number })[]
}

/** So many broken promises are enough. */
const VIOLATIONS_MAX = 20
/** Some stores are written on, closed and opened again. */
const GO_ON_EVERY = 8
const GO_ON_GROUPS = 3

export class Replayer {
  readonly #device: BlockDevice
  readonly #kind: FileSystemKind
  readonly #log: BlockLog
  readonly #options: ReplayOptions
  readonly #prefixes: Prefixes
  readonly #published: ReadonlySet<number>
  readonly #violations: string[] = []
  readonly #tornTails: Replayed['tornTails'] = []
  readonly #figures: ReplayFigures = {
    cuts: 0,
    states: 0,
    opened: 0,
    tornSuperblocks: 0,
    unmountable: 0,
    withSurvivors: 0,
    fromSnapshot: 0,
    tornTails: 0,
    violations: 0,
    complete: false,
  }

  constructor(device: BlockDevice, kind: FileSystemKind, log: BlockLog, options: ReplayOptions) {
    this.#device = device
    this.#kind = kind
    this.#log = log
    this.#options = options
    this.#prefixes = new Prefixes(options.seed)
    this.#published = new Set(
      log.entries.flatMap((entry) =>
        entry.type === 'note' && entry.note.type === 'published' ? [entry.note.segmentId] : [],
      ),
    )
  }

  /** Throws only where the harness itself doesn't work. */
  async run(): Promise<Replayed> {
    this.#figures.complete = await this.#runAll()
    return { figures: this.#figures, violations: this.#violations, tornTails: this.#tornTails }
  }

  async #runAll(): Promise<boolean> {
    this.#device.clear()
    for (const { flushed, states, cuts, survivals } of intervalsOf(this.#log, this.#options)) {
      for (const write of flushed) this.#layBase(write)
      for (const state of states) {
        if (performance.now() > this.#options.until) return false
        if (this.#violations.length >= VIOLATIONS_MAX) return false
        await this.#look(state)
      }
      this.#figures.cuts += cuts
      this.#figures.states += survivals
      this.#options.onState?.(this.#figures)
    }
    return true
  }

  #layBase({ bytes, offset, length }: BlockWrite): void {
    this.#device.layBase(bytes ?? Buffer.alloc(length), offset)
  }

  async #look(state: DiskState): Promise<void> {
    if ((await this.#mounts(state.overlay)) || (await this.#mountsWithout(state))) {
      try {
        const wrong = await this.#open(state)
        if (wrong !== undefined) this.#violated(state, wrong)
      } catch (error) {
        this.#violated(state, String(error))
      }
      await this.#device.unmount()
    }
    this.#device.drop()
  }

  async #mounts(overlay: Overlay): Promise<boolean> {
    this.#device.drop()
    for (const { bytes, offset } of piecesOf(overlay)) this.#device.layOver(bytes, offset)
    return this.#device.mount(this.#kind).then(
      () => true,
      () => false,
    )
  }

  /** The same disk, but that nothing of the superblocks has reached it: torn ones keep any file system from mounting. */
  async #mountsWithout({ overlay }: DiskState): Promise<boolean> {
    const figures = this.#figures
    const isSuper = (sector: number): boolean =>
      this.#kind.superblocks.some(
        ({ offset, bytes }) => sector * SECTOR_BYTES >= offset && sector * SECTOR_BYTES < offset + bytes,
      )
    const kept = new Map([...overlay].filter(([sector]) => !isSuper(sector)))
    const mounts = kept.size < overlay.size && (await this.#mounts(kept))
    if (mounts) figures.tornSuperblocks += 1
    else figures.unmountable += 1
    return mounts
  }

  async #open(state: DiskState): Promise<string | undefined> {
    const directory = storeOn(this.#device)
    const figures = this.#figures
    figures.opened += 1
    const goOn = figures.opened % GO_ON_EVERY === 0
    const store = await openStore(directory, figures.opened, goOn ? nodeEnvironment : unsyncedEnvironment)
    let wrong: string | undefined
    try {
      if (store.report.log.survivors !== undefined) figures.withSurvivors += 1
      if (store.report.snapshot !== undefined) figures.fromSnapshot += 1
      const torn = await tornTailOf(directory, store, this.#published)
      if (torn !== undefined) {
        figures.tornTails += 1
        this.#tornTails.push({ ...torn, cut: state.cut, survival: state.survival })
      }
      wrong = this.#whatIsWrong(store, state.floor)
      if (wrong === undefined && goOn) await this.#goOn(store)
    } finally {
      await store.close()
    }
    if (wrong !== undefined || !goOn) return wrong
    const again = await openStore(directory, figures.opened + 1)
    try {
      const found = this.#whatIsWrong(again, store.appliedSeq)
      return found === undefined ? undefined : `opened again: ${found}`
    } finally {
      await again.close()
    }
  }

  #whatIsWrong(store: BlockStore, floor: number): string | undefined {
    return this.#prefixes.whatIsWrong(store.appliedSeq, store.state, floor)
  }

  async #goOn(store: BlockStore): Promise<void> {
    let left = GO_ON_GROUPS
    for (const { firstSeq, commands, durability } of groupsOf(this.#options.seed)) {
      if (firstSeq <= store.appliedSeq) continue
      await store.executeAll(commands, { durability })
      left -= 1
      if (left === 0) return
    }
  }

  #violated({ cut, survival, kind }: DiskState, what: string): void {
    this.#figures.violations += 1
    this.#violations.push(`${this.#kind.name}, cut ${cut}, survival ${survival} (${kind}): ${what}`)
  }
}
