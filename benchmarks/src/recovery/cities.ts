import { defineMachine, type Machine } from 'holdfast'

/** What every loader has to bring back: a Map of these by their number. */
export interface City {
  readonly id: number
  readonly name: string
  readonly population: number
}

export type Cities = Map<number, City>

type CityTypes = { add: { argument: City; result: number } }

/** A command for each city; with more commands than cities the later ones replace the earlier. */
export const cityMachine: Machine<Cities, CityTypes> = defineMachine({
  version: 1,
  initial: (): Cities => new Map(),
  commands: {
    add(cities, city: City) {
      cities.set(city.id, city)
      return cities.size
    },
  },
})

export function cityOf(id: number): City {
  return { id, name: `city number ${id}`, population: 1000 + ((id * 7919) % 1_000_003) }
}

export function citiesUpTo(count: number): Cities {
  const cities: Cities = new Map()
  for (let id = 0; id < count; id += 1) cities.set(id, cityOf(id))
  return cities
}

/** More cities than these there never are: a longer log replaces them again and again, in a state that stays as large. */
export const CITIES_MAX = 1_000_000
