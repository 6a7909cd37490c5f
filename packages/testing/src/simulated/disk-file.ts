import { cutSector, patchSector, SECTOR_BYTES, type Sector, ZERO_SECTOR } from './sector.ts'
import type { Survival } from './survival.ts'

/** What an unsynced operation left, and which one it was. */
interface Version<T> {
  readonly value: T
  readonly stamp: number
}

/** What the disk may hold in place of what is durable: oldest first, the last is what the cache holds. */
interface Unsynced<T> {
  readonly versions: readonly Version<T>[]
  /** The next sync writes the last version. After a failed sync it does not: the kernel takes the page for clean. */
  readonly dirty: boolean
}

/**
 * A file on a simulated disk: what the cache of the system shows, what is durable, and what lies between.
 *
 * A disk and its snapshots share files. Whoever changes one makes its own copy first (`clone`).
 */
export class DiskFile {
  readonly id: number
  size = 0
  #sectors: Sector[] = []
  #durableSize = 0
  #durable: Sector[] = []
  /** By the index of the sector. */
  #unsynced: Map<number, Unsynced<Sector>> = new Map()
  #unsyncedSize: Unsynced<number> | undefined
  #fingerprint: string | undefined

  constructor(id: number) {
    this.id = id
  }

  clone(): DiskFile {
    const file = new DiskFile(this.id)
    file.size = this.size
    file.#sectors = this.#sectors.slice()
    file.#durableSize = this.#durableSize
    file.#durable = this.#durable.slice()
    file.#unsynced = new Map(this.#unsynced)
    file.#unsyncedSize = this.#unsyncedSize
    return file
  }

  /** Bytes that it takes on the disk. */
  get allocatedBytes(): number {
    return Math.ceil(this.size / SECTOR_BYTES) * SECTOR_BYTES
  }

  read(into: Uint8Array, position: number): number {
    const end = Math.min(position + into.length, this.size)
    for (let at = position; at < end; ) {
      const offset = at % SECTOR_BYTES
      const count = Math.min(SECTOR_BYTES - offset, end - at)
      const sector = this.#sectors[(at - offset) / SECTOR_BYTES] ?? ZERO_SECTOR
      sector.copy(into, at - position, offset, offset + count)
      at += count
    }
    return Math.max(0, end - position)
  }

  write(bytes: Uint8Array, position: number, stamp: number): void {
    for (const { index, offset, part } of partsOf(bytes, position)) {
      this.#put(index, patchSector(this.#sectors[index] ?? ZERO_SECTOR, part, offset), stamp)
    }
    if (position + bytes.length > this.size) this.#resize(position + bytes.length, stamp)
  }

  /** What was written last, at this position, is durable from here on, and nothing else is. */
  finishWriteThrough(bytes: Uint8Array, position: number): void {
    for (const { index, offset, part } of partsOf(bytes, position)) {
      this.#durable[index] = patchSector(this.#durable[index] ?? ZERO_SECTOR, part, offset)
      const unsynced = this.#unsynced.get(index)
      if (unsynced === undefined) continue
      const versions = unsynced.versions.map(({ value, stamp }) => ({
        value: patchSector(value, part, offset),
        stamp,
      }))
      if (versions.every(({ value }) => value.equals(this.#durable[index] as Sector)))
        this.#unsynced.delete(index)
      else this.#unsynced.set(index, { versions, dirty: unsynced.dirty })
    }
    const end = position + bytes.length
    const sizes = this.#unsyncedSize
    this.#durableSize = Math.max(this.#durableSize, end)
    if (sizes === undefined) return
    const versions = sizes.versions.filter(({ value }) => value >= end)
    this.#unsyncedSize =
      versions.every(({ value }) => value === this.#durableSize) && this.size === this.#durableSize
        ? undefined
        : { versions, dirty: sizes.dirty }
  }

  truncate(size: number, stamp: number): void {
    const whole = Math.ceil(size / SECTOR_BYTES)
    if (size % SECTOR_BYTES !== 0 && size < this.size) {
      const sector = this.#sectors[whole - 1] ?? ZERO_SECTOR
      this.#put(whole - 1, cutSector(sector, size % SECTOR_BYTES), stamp)
    }
    for (let index = whole; index < this.#sectors.length; index += 1) {
      if (this.#sectors[index] !== ZERO_SECTOR) this.#put(index, ZERO_SECTOR, stamp)
    }
    if (size !== this.size) this.#resize(size, stamp)
  }

  /** What was written through that operation is durable. */
  sync(through: number): void {
    for (const [index, unsynced] of this.#unsynced) {
      const synced = afterSync(unsynced, through)
      if (synced === undefined) continue
      this.#durable[index] = synced.durable
      if (synced.rest === undefined) this.#unsynced.delete(index)
      else this.#unsynced.set(index, synced.rest)
    }
    const size = this.#unsyncedSize === undefined ? undefined : afterSync(this.#unsyncedSize, through)
    if (size === undefined) return
    this.#durableSize = size.durable
    this.#unsyncedSize = size.rest
  }

  /**
   * A sync that failed: what was dirty may be on the disk or not, and counts as clean from here on, so that
   * no later sync writes it; what came after it began is as dirty as it was. With a range, only what is in it.
   */
  failSync(through: number, position = 0, bytes: number = Number.POSITIVE_INFINITY): void {
    for (const [index, { versions, dirty }] of this.#unsynced) {
      const start = index * SECTOR_BYTES
      const isIn = start + SECTOR_BYTES > position && start < position + bytes
      if (dirty && isIn && isThrough(versions, through)) this.#unsynced.set(index, { versions, dirty: false })
    }
    const sizes = this.#unsyncedSize
    if (sizes !== undefined && isThrough(sizes.versions, through))
      this.#unsyncedSize = { ...sizes, dirty: false }
  }

  /** A power cut would take nothing. */
  get isDurable(): boolean {
    return this.#unsynced.size === 0 && this.#unsyncedSize === undefined
  }

  /** Whether the cache shows bytes that a failed sync left as clean. */
  get hasLost(): boolean {
    for (const { dirty } of this.#unsynced.values()) if (!dirty) return true
    return false
  }

  /** The cache forgets what counts as clean and is not on the disk: reading finds what is there. */
  evict(survival: Survival): void {
    for (const [index, unsynced] of this.#unsynced) {
      if (unsynced.dirty) continue
      const sector = survivor(unsynced, 'data', survival) ?? this.#durable[index] ?? ZERO_SECTOR
      this.#sectors[index] = sector
      this.#durable[index] = sector
      this.#unsynced.delete(index)
    }
    this.#fingerprint = undefined
  }

  /** The same for files that show the same bytes and share them; files with equal bytes of their own may differ. */
  get fingerprint(): string {
    if (this.#fingerprint !== undefined) return this.#fingerprint
    let fingerprint = `${this.size}:`
    for (let index = 0; index * SECTOR_BYTES < this.size; index += 1)
      fingerprint += `${serialOf(this.#sectors[index] ?? ZERO_SECTOR)},`
    this.#fingerprint = fingerprint
    return fingerprint
  }

  /** The stamps of what is not durable, in no order. */
  *stamps(): Generator<number, void, undefined> {
    for (const { versions } of this.#unsynced.values()) for (const { stamp } of versions) yield stamp
    for (const { stamp } of this.#unsyncedSize?.versions ?? []) yield stamp
  }

  /** The file as the disk has it once the power is back. */
  afterPowerCut(survival: Survival): DiskFile {
    if (this.isDurable) return this
    const file = new DiskFile(this.id)
    const size = survivor(this.#unsyncedSize, 'size', survival) ?? this.#durableSize
    const sectors = Math.ceil(size / SECTOR_BYTES)
    const written = Math.ceil(this.#durableSize / SECTOR_BYTES)
    for (let index = 0; index < sectors; index += 1) {
      const durable = this.#durable[index]
      file.#sectors[index] =
        survivor(this.#unsynced.get(index), 'data', survival) ??
        durable ??
        (index < written ? ZERO_SECTOR : (survival.unwritten?.() ?? ZERO_SECTOR))
    }
    const rest = size % SECTOR_BYTES
    if (rest !== 0) file.#sectors[sectors - 1] = cutSector(file.#sectors[sectors - 1] as Sector, rest)
    file.size = size
    file.#durableSize = size
    file.#durable = file.#sectors.slice()
    return file
  }

  /** These bytes, durably, in the place of all that was there. */
  replace(bytes: Uint8Array): void {
    this.truncate(0, 0)
    this.write(bytes, 0, 0)
    this.#unsynced.clear()
    this.#unsyncedSize = undefined
    this.#durable = this.#sectors.slice()
    this.#durableSize = this.size
  }

  #put(index: number, sector: Sector, stamp: number): void {
    // No holes: an array with holes is slow, and `length` says how far anything was ever written.
    while (this.#sectors.length < index) this.#sectors.push(ZERO_SECTOR)
    this.#fingerprint = undefined
    this.#sectors[index] = sector
    const versions = this.#unsynced.get(index)?.versions ?? []
    this.#unsynced.set(index, { versions: [...versions, { value: sector, stamp }], dirty: true })
  }

  #resize(size: number, stamp: number): void {
    this.size = size
    this.#fingerprint = undefined
    const versions = this.#unsyncedSize?.versions ?? []
    this.#unsyncedSize = { versions: [...versions, { value: size, stamp }], dirty: true }
  }
}

const SERIALS: WeakMap<Sector, number> = new WeakMap()
let lastSerial = 0

function serialOf(sector: Sector): number {
  let serial = SERIALS.get(sector)
  if (serial === undefined) SERIALS.set(sector, (serial = ++lastSerial))
  return serial
}

/** What a sync leaves behind it; `undefined` where there is nothing that it writes. */
function afterSync<T>(
  { versions, dirty }: Unsynced<T>,
  through: number,
): { readonly durable: T; readonly rest: Unsynced<T> | undefined } | undefined {
  const last = versions.at(-1) as Version<T>
  if (!dirty) return undefined
  if (last.stamp <= through) return { durable: last.value, rest: undefined }
  const written = versions.findLast(({ stamp }) => stamp <= through)
  if (written === undefined) return undefined
  return {
    durable: written.value,
    rest: { versions: versions.filter(({ stamp }) => stamp > through), dirty },
  }
}

function isThrough(versions: readonly Version<unknown>[], through: number): boolean {
  return (versions.at(-1) as Version<unknown>).stamp <= through
}

function survivor<T>(
  unsynced: Unsynced<T> | undefined,
  what: 'data' | 'size',
  survival: Survival,
): T | undefined {
  let value: T | undefined
  // Each is asked about, so that the answers to the rest don't hang on this one.
  for (const version of unsynced?.versions ?? []) {
    if (survival.survives({ what, stamp: version.stamp })) value = version.value
  }
  return value
}

function* partsOf(
  bytes: Uint8Array,
  position: number,
): Generator<{ index: number; offset: number; part: Uint8Array }, void, undefined> {
  for (let done = 0; done < bytes.length; ) {
    const at = position + done
    const offset = at % SECTOR_BYTES
    const count = Math.min(SECTOR_BYTES - offset, bytes.length - done)
    yield { index: (at - offset) / SECTOR_BYTES, offset, part: bytes.subarray(done, done + count) }
    done += count
  }
}
