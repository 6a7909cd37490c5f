// Whether the store holds what it must: computed from the commands alone, without the machine or the store.
import { isDeepStrictEqual } from 'node:util'
import type { Change } from 'holdfast'
import type { City, CityCommand } from './machine.ts'

/** What every city must look like once these commands are through, and which of them must have been refused. */
export interface Expected {
  readonly cities: ReadonlyMap<number, City>
  readonly refused: ReadonlySet<number>
}

export function expectedAfter(commands: readonly CityCommand[]): Expected {
  const cities = new Map<number, City>()
  const refused = new Set<number>()
  for (const [index, [name, argument]] of commands.entries()) {
    const seq = index + 1
    const city = cities.get(argument.id)
    if (name === 'add') {
      if (city !== undefined) refused.add(seq)
      else cities.set(argument.id, { ...argument, formerNames: [] })
    } else if (city === undefined) refused.add(seq)
    else if (name === 'rename' && argument.name === city.name) refused.add(seq)
    else if (name === 'rename') {
      city.formerNames.push({ name: city.name, endedBy: seq })
      city.name = argument.name
    } else if (argument.population < 0) refused.add(seq)
    else city.population = argument.population
  }
  return { cities, refused }
}

/** Differences, in words; none if all is as it must be. */
export function differences(found: ReadonlyMap<number, City>, { cities }: Expected): string[] {
  const wrong: string[] = []
  for (const [id, city] of cities) {
    const there = found.get(id)
    if (!isDeepStrictEqual(there, city)) {
      wrong.push(`city ${id} is ${JSON.stringify(there)}, and must be ${JSON.stringify(city)}`)
    }
  }
  for (const id of found.keys()) if (!cities.has(id)) wrong.push(`city ${id} must not be there`)
  return wrong
}

/** The same for the log: every command, in its place, with what came of it. */
export async function differencesInLog(
  changes: AsyncIterable<Change>,
  commands: readonly CityCommand[],
  { refused }: Expected,
): Promise<string[]> {
  const wrong: string[] = []
  let seq = 0
  // It would wait for more behind the last one.
  if (commands.length > 0)
    for await (const change of changes) {
      seq += 1
      const must = { seq, command: commands[seq - 1], refused: refused.has(seq) }
      const is = { seq: change.seq, command: [change.name, change.argument], refused: change.refused }
      if (!isDeepStrictEqual(is, must)) {
        wrong.push(`the log holds ${JSON.stringify(is)}, and must hold ${JSON.stringify(must)}`)
      }
      if (seq === commands.length) break
    }
  if (seq < commands.length) wrong.push(`the log ends at ${seq}, and must end at ${commands.length}`)
  return wrong
}
