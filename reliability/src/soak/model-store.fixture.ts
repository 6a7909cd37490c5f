// A store that only exists as the sizes of its files: it does what the engine promises, or something else.
import type { DiskBound, Said } from './disk-bound.ts'
import type { StoredFile } from './stored-files.ts'

const KIB = 1024
export const SETTINGS = { keep: 2, segmentBytes: 10 * KIB, everyBytes: 100 * KIB }
/** A sequence takes so much of the log. */
const COMMAND_BYTES = KIB
const SNAPSHOT_BYTES = 50 * KIB

/** How it behaves. */
export interface Behaviour {
  /** Takes a snapshot once the log is so many intervals long. */
  readonly intervals: number
  /** So much is logged while one is taken. */
  readonly meanwhileBytes: number
  readonly trims?: boolean
  readonly removes?: boolean
  /** Says that it begins one again and again, and takes none. */
  readonly pretends?: boolean
  /** How long each command takes. */
  readonly commandMs?: number
}

/** Its sequences are from 1 on, without a gap. */
export class ModelStore {
  readonly #bound: DiskBound
  readonly #behaviour: Behaviour
  #pins: Said['pins'] = []
  #seq = 0
  #openedAt = 0
  /** The first sequence that is there. */
  #firstSeq = 1
  /** Oldest first. */
  #snapshots: number[] = []
  #publishedAt = 0
  #begunAt: number | undefined
  /** What `begunAt` is of the log that the store counts. */
  #sinceAt = 0

  constructor(bound: DiskBound, behaviour: Behaviour) {
    this.#bound = bound
    this.#behaviour = behaviour
  }

  /** As another process finds it. */
  open(bound: DiskBound, behaviour: Behaviour = this.#behaviour): ModelStore {
    const next = new ModelStore(bound, behaviour)
    next.#seq = this.#seq
    next.#openedAt = this.#seq
    next.#firstSeq = this.#firstSeq
    next.#snapshots = [...this.#snapshots]
    next.#publishedAt = next.#sinceAt = this.#publishedAt
    bound.opened(next.files, next.#found, next.#said)
    next.#retain()
    bound.look(next.files, next.#said)
    return next
  }

  /** Somebody needs the log from here on. */
  pin(maxBytes: number): void {
    this.#pins = [{ from: this.#seq + 1, bytes: 0, maxBytes }]
  }

  /** So much is logged, and the files are looked at with each command. */
  log(bytes: number): void {
    for (let left = bytes; left > 0; left -= COMMAND_BYTES) {
      this.#seq += 1
      this.#snapshot()
      this.#bound.look(this.files, this.#said)
    }
  }

  get files(): StoredFile[] {
    const files = this.#snapshots.map((seq) => ({ path: `snapshots/${nameOf(seq)}`, bytes: SNAPSHOT_BYTES }))
    const commands = SETTINGS.segmentBytes / COMMAND_BYTES
    for (let first = this.#firstSeq; first <= this.#seq; first += commands) {
      const bytes = Math.min(commands, this.#seq - first + 1) * COMMAND_BYTES
      files.push({ path: `wal/${numbered(first, 20)}-${numbered(first, 10)}.wal`, bytes })
    }
    if (this.#begunAt !== undefined) files.push({ path: 'snapshots/under-way.tmp', bytes: SNAPSHOT_BYTES })
    return files
  }

  #snapshot(): void {
    const { meanwhileBytes, pretends = false } = this.#behaviour
    this.#beginIfDue()
    if (this.#begunAt === undefined || (this.#seq - this.#begunAt) * COMMAND_BYTES < meanwhileBytes) return
    if (pretends) {
      this.#begunAt = this.#sinceAt = this.#seq
      return
    }
    const seq = this.#begunAt
    this.#publishedAt = seq
    this.#begunAt = undefined
    this.#snapshots.push(seq)
    this.#bound.look(this.files, this.#said)
    this.#bound.snapshot(nameOf(seq))
    this.#retain()
    // Nobody may see a moment in which there is none.
    this.#beginIfDue()
  }

  #beginIfDue(): void {
    const since = (this.#seq - this.#publishedAt) * COMMAND_BYTES
    if (this.#begunAt !== undefined || since < this.#behaviour.intervals * SETTINGS.everyBytes) return
    this.#begunAt = this.#sinceAt = this.#seq
  }

  #retain(): void {
    const { trims = true, removes = true } = this.#behaviour
    if (removes) this.#snapshots = this.#snapshots.slice(-SETTINGS.keep)
    if (!trims || this.#snapshots.length < SETTINGS.keep) return
    const commands = SETTINGS.segmentBytes / COMMAND_BYTES
    const oldest = this.#snapshots.at(-SETTINGS.keep) as number
    const through = Math.min(oldest, ...this.#pins.map(({ from }) => from - 1))
    const before = this.#firstSeq
    while (this.#firstSeq + commands - 1 <= through) this.#firstSeq += commands
    // As the engine: it says nothing where nothing was trimmed.
    if (this.#firstSeq > before) this.#bound.trimmed(this.files, this.#said)
  }

  get #said(): Said {
    const { commandMs = 1 } = this.#behaviour
    return {
      appendedBytes: (this.#seq - this.#openedAt) * COMMAND_BYTES,
      sinceBytes: (this.#seq - this.#sinceAt) * COMMAND_BYTES,
      atMs: this.#seq * commandMs,
      pins: this.#pins,
    }
  }

  get #found(): Parameters<DiskBound['opened']>[1] {
    const newest = this.#snapshots.at(-1)
    const sinceBytes = (this.#seq - this.#publishedAt) * COMMAND_BYTES
    return { newest: newest === undefined ? '' : nameOf(newest), sinceBytes, survivorBytes: 0 }
  }
}

function nameOf(seq: number): string {
  return `${numbered(seq, 20)}-0000000001.snap`
}

function numbered(number: number, digits: number): string {
  return String(number).padStart(digits, '0')
}
