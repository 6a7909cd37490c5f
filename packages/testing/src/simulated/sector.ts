/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512

/** The bytes of a sector. Never changed once it is part of a file: files and snapshots of the disk share them. */
export type Sector = Buffer

/** A sector that holds nothing. */
export const ZERO_SECTOR: Sector = Buffer.alloc(SECTOR_BYTES)

/** A sector with some of its bytes replaced. */
export function patchSector(base: Sector, bytes: Uint8Array, at: number): Sector {
  const sector = Buffer.allocUnsafe(SECTOR_BYTES)
  if (at > 0 || bytes.length < SECTOR_BYTES) base.copy(sector)
  sector.set(bytes, at)
  return sector.equals(ZERO_SECTOR) ? ZERO_SECTOR : sector
}

/** A sector with zeros from a byte on. */
export function cutSector(base: Sector, at: number): Sector {
  if (base === ZERO_SECTOR) return base
  const sector = Buffer.from(base)
  sector.fill(0, at)
  return sector
}
