import { isTemporaryName } from '@holdfast/environment'

const SEQ_DIGITS = 20
const ID_DIGITS = 10
const NAME = /^(\d{20})-(\d{10})\.snap$/
const NAME_LENGTH: number = SEQ_DIGITS + 1 + ID_DIGITS + '.snap'.length

/** The largest id that a name has room for. */
export const MAX_ID: number = 10 ** ID_DIGITS - 1

/** `<seq, 20 digits>-<id, 10 digits>.snap`: names sort as the snapshots do. */
export function snapshotName(seq: number, id: number): string {
  return `${String(seq).padStart(SEQ_DIGITS, '0')}-${String(id).padStart(ID_DIGITS, '0')}.snap`
}

/** The sequence and the id in a name, or `undefined` for a name that is no snapshot's. */
export function parseSnapshotName(name: string): { seq: number; id: number } | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const seq = Number(match[1])
  const id = Number(match[2])
  return Number.isSafeInteger(seq) ? { seq, id } : undefined
}

/** Whether it is the name of a snapshot that was never published. Other files that look temporary are not ours. */
export function isTemporarySnapshotName(name: string): boolean {
  return isTemporaryName(name) && parseSnapshotName(name.slice(0, NAME_LENGTH)) !== undefined
}
