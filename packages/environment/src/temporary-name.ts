import type { Random } from './environment.ts'

/** Eight random bytes: two writers never choose one name, and a leftover is never reused. */
const SUFFIX_BYTES = 8

const TEMPORARY_NAME = /\.[0-9a-f]{16}\.tmp$/

/** A name beside `path` for the file that will be renamed over it: `<path>.<16 hex digits>.tmp`. */
export function temporaryName(path: string, random: Random): string {
  return `${path}.${Buffer.from(random.bytes(SUFFIX_BYTES)).toString('hex')}.tmp`
}

/** Whether a file of this name is temporary: not part of a store, and left over if no writer is at work. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name)
}
