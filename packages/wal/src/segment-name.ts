/*
 * The name of a segment's file: part of the format, like what is in it.
 */
const NAME = /^(\d{20})-(\d{10})\.wal$/

/** Part of the format: the largest id that a name has room for. */
export const MAX_ID = 9_999_999_999

/** `firstSeq` 0 names a segment that is prepared: its header, once written, says where it begins. */
export function segmentName(firstSeq: number, id: number): string {
  return `${String(firstSeq).padStart(20, '0')}-${String(id).padStart(10, '0')}.wal`
}

export function parseSegmentName(name: string): { firstSeq: number; id: number } | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const firstSeq = Number(match[1])
  const id = Number(match[2])
  return Number.isSafeInteger(firstSeq) && id > 0 ? { firstSeq, id } : undefined
}
