/** A run uses the same few paths again and again. */
const PATHS: Map<string, readonly string[]> = new Map()
const MAX_PATHS = 10_000

/** What a path means on this disk is the same on every platform: no drive, slashes. */
export function namesOf(path: string): readonly string[] {
  let names = PATHS.get(path)
  if (names === undefined) {
    const plain = path.replaceAll('\\', '/').replace(/^[A-Za-z]:/, '')
    names = plain.split('/').filter((name) => name !== '')
    if (PATHS.size >= MAX_PATHS) PATHS.clear()
    PATHS.set(path, names)
  }
  return names
}
