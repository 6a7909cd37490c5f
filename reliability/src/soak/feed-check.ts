import { isDeepStrictEqual } from 'node:util'
import type { KillCommand } from '../kill/workload.ts'

interface Change {
  readonly seq: number
  readonly name: string
  readonly argument: unknown
}

/** Holds every change of a feed that begins at `from` against the command at its sequence. Returns how many there were. */
export async function checkFeed(
  feed: AsyncIterable<Change>,
  commands: Generator<KillCommand, never, undefined>,
  from: number,
): Promise<number> {
  let seq = from
  for await (const change of feed) {
    if (change.seq !== seq) throw new Error(`a feed gave ${change.seq} where ${seq} was next`)
    const expected = commands.next().value
    if (!isDeepStrictEqual([change.name, change.argument], expected)) {
      throw new Error(`a feed gave another command at ${seq}: ${change.name}, not ${expected[0]}`)
    }
    seq += 1
  }
  return seq - from
}
