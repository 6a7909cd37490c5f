// The whole application, as the store sees it: a state, and the commands that change it.
import { defineMachine, Refusal } from 'holdfast'

export interface NewCity {
  readonly id: number
  readonly name: string
  /** ISO 3166, two letters. */
  readonly country: string
  readonly population: number
  readonly longitude: number
  readonly latitude: number
}

export interface City extends NewCity {
  name: string
  population: number
  /** Earliest first. */
  formerNames: FormerName[]
}

export interface FormerName {
  readonly name: string
  /** The sequence of the command that ended it. */
  readonly endedBy: number
}

export type Cities = Map<number, City>

/** A command as it is handed to `execute`, `executeAll` and `executeEach`. */
export type CityCommand =
  | readonly ['add', NewCity]
  | readonly ['rename', { readonly id: number; readonly name: string }]
  | readonly ['setPopulation', { readonly id: number; readonly population: number }]

const cities = defineMachine({
  version: 1,
  initial: (): Cities => new Map(),
  commands: {
    /** Gives the number of cities there are. */
    add(state, city: NewCity) {
      if (state.has(city.id)) throw new Refusal('ALREADY_THERE', { id: city.id })
      state.set(city.id, { ...city, formerNames: [] })
      return state.size
    },

    /** Gives the name that the city had. */
    rename(state, { id, name }: { id: number; name: string }, { seq }) {
      const city = existing(state, id)
      const former = city.name
      if (name === former) throw new Refusal('SAME_NAME', { id, name })
      city.formerNames.push({ name: former, endedBy: seq })
      city.name = name
      return former
    },

    /** Gives the growth. */
    setPopulation(state, { id, population }: { id: number; population: number }) {
      const city = existing(state, id)
      if (!Number.isSafeInteger(population) || population < 0) {
        throw new Refusal('NOT_A_POPULATION', { id, population })
      }
      const growth = population - city.population
      city.population = population
      return growth
    },
  },
})

/** A module whose default export is the machine can be opened by its URL: a thread then takes the snapshots. */
export default cities

// A refusal comes before the first change to the state, so that a refused command has changed nothing.
function existing(state: Cities, id: number): City {
  const city = state.get(id)
  if (city === undefined) throw new Refusal('NO_SUCH_CITY', { id })
  return city
}
