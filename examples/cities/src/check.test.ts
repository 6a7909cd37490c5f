import { expect, it } from 'vitest'
import { differences, differencesInLog, expectedAfter } from './check.ts'
import cities, { type City, type CityCommand } from './machine.ts'

const city = { id: 1, name: 'Bombay', country: 'IN', population: 5, longitude: 72.9, latitude: 19.1 }
const commands: readonly CityCommand[] = [
  ['add', city],
  ['add', city],
  ['rename', { id: 1, name: 'Mumbai' }],
  ['rename', { id: 1, name: 'Mumbai' }],
  ['rename', { id: 2, name: 'Atlantis' }],
  ['setPopulation', { id: 1, population: 7 }],
  ['setPopulation', { id: 1, population: -1 }],
]
const expected = expectedAfter(commands)

function stateOfMachine(): { state: Map<number, City>; refused: Set<number> } {
  const state = cities.initial()
  const refused = new Set<number>()
  for (const [index, command] of commands.entries()) {
    try {
      cities.apply(state, command, { seq: index + 1, time: 0 })
    } catch {
      refused.add(index + 1)
    }
  }
  return { state, refused }
}

async function* log(...changed: readonly { seq?: number; refused?: boolean; argument?: unknown }[]) {
  for (const [index, [name, argument]] of commands.entries()) {
    const seq = index + 1
    yield { seq, time: 0, name, argument, refused: expected.refused.has(seq), ...changed[index] }
  }
}

it('expects what the machine makes of the commands', () => {
  const { state, refused } = stateOfMachine()
  expect(state.get(1)).toMatchObject({
    name: 'Mumbai',
    population: 7,
    formerNames: [{ name: 'Bombay', endedBy: 3 }],
  })
  expect(refused).toEqual(new Set([2, 4, 5, 7]))
  expect(expected.refused).toEqual(refused)
  expect(differences(state, expected)).toEqual([])
})

it.each<[what: string, change: (state: Map<number, City>) => void]>([
  ['a city is lost', (state) => state.delete(1)],
  ['one is there too many', (state) => state.set(2, { ...city, id: 2, formerNames: [] })],
  ['a value is another', (state) => state.set(1, { ...(state.get(1) as City), population: 8 })],
  ['a former name is lost', (state) => state.set(1, { ...(state.get(1) as City), formerNames: [] })],
])('finds that %s', (_, change) => {
  const { state } = stateOfMachine()
  change(state)
  expect(differences(state, expected)).toHaveLength(1)
})

it('finds what is wrong in the log', async () => {
  expect(await differencesInLog(log(), commands, expected)).toEqual([])
  expect(await differencesInLog(log({ refused: true }), commands, expected)).toHaveLength(1)
  expect(
    await differencesInLog(log({ argument: { ...city, name: 'Pune' } }), commands, expected),
  ).toHaveLength(1)
  expect(await differencesInLog(log({ seq: 2 }), commands, expected)).toHaveLength(1)
  expect(await differencesInLog(log(), [...commands, ...commands], expected)).toContain(
    `the log ends at ${commands.length}, and must end at ${2 * commands.length}`,
  )
})
