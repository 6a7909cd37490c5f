// The files of a store, as they are measured.

/** A file of the store: its path below the directory, with `/`. */
export interface StoredFile {
  readonly path: string
  readonly bytes: number
}

const SEGMENT = /^wal\/(\d{20})-(\d{10})\.wal$/
const SNAPSHOT = /^snapshots\/(\d{20})-\d{10}\.snap$/

export function bytesOf(files: readonly StoredFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** How many have been published. */
export function snapshotsIn(files: readonly StoredFile[]): number {
  return numbersOf(files, SNAPSHOT).length
}

/**
 * Whether the newest snapshot has made something superfluous that is still there. What is kept from `pinnedFrom` on is
 * kept for somebody else.
 */
export function isSomethingSuperfluous(
  files: readonly StoredFile[],
  keep: number,
  pinnedFrom: number,
): boolean {
  return snapshotsIn(files) > keep || isLogSuperfluous(files, keep, pinnedFrom)
}

/** The same of the log alone. While there is a snapshot more than are kept, nobody can say. */
export function isLogSuperfluous(files: readonly StoredFile[], keep: number, pinnedFrom: number): boolean {
  const stored = numbersOf(files, SNAPSHOT)
  if (stored.length !== keep) return false
  // A segment is to go if the next one begins right behind the oldest snapshot, or before.
  const [, second = Number.POSITIVE_INFINITY] = numbersOf(files, SEGMENT).filter((firstSeq) => firstSeq > 0)
  return second <= Math.min((stored[0] as number) + 1, pinnedFrom)
}

/** Of the files that are named so, in order. */
function numbersOf(files: readonly StoredFile[], name: RegExp): number[] {
  return files
    .flatMap(({ path }) => {
      const number = name.exec(path)?.[1]
      return number === undefined ? [] : [Number(number)]
    })
    .toSorted((a, b) => a - b)
}
