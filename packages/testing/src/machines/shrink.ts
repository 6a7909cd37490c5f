/**
 * Leaves out of a list what the failure does not need: halves first, then ever smaller pieces. `fails` gives
 * the failure of a shorter list, or `undefined`; once it says that it is `exhausted` the shortest so far stands.
 */
export async function shrink<T, F>(
  list: readonly T[],
  failure: F,
  fails: (shorter: readonly T[]) => Promise<F | undefined>,
  exhausted: () => boolean,
): Promise<{ readonly list: readonly T[]; readonly failure: F }> {
  let shortest = { list, failure }
  let size = Math.ceil(list.length / 2)
  while (size > 0) {
    let shortened = false
    // From the end: what came after the failure goes first.
    for (let end = shortest.list.length; end > 0 && shortest.list.length > 1; end -= size) {
      const shorter = shortest.list.toSpliced(Math.max(0, end - size), Math.min(size, end))
      if (shorter.length === 0) continue
      if (exhausted()) return shortest
      const found = await fails(shorter)
      if (found === undefined) continue
      shortest = { list: shorter, failure: found }
      shortened = true
    }
    if (size === 1 && !shortened) break
    size = shortened ? Math.min(size, Math.ceil(shortest.list.length / 2)) : Math.floor(size / 2)
    if (shortest.list.length === 1) break
  }
  return shortest
}
