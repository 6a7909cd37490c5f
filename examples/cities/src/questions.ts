// What a person would ask of the data. The state is a Map in memory: a question is a loop.
import { grouped } from './grouped.ts'
import type { City } from './machine.ts'

export type CitiesToRead = ReadonlyMap<number, City>

export function largest(cities: CitiesToRead, many: number): City[] {
  return [...cities.values()].sort((a, b) => b.population - a.population).slice(0, many)
}

export interface CountryFigures {
  readonly country: string
  readonly cities: number
  readonly people: number
}

export function countries(cities: CitiesToRead): CountryFigures[] {
  return [...grouped(cities.values(), ({ country }) => country)]
    .map(([country, all]) => ({
      country,
      cities: all.length,
      people: all.reduce((sum, { population }) => sum + population, 0),
    }))
    .sort((a, b) => b.cities - a.cities)
}

export function renamed(cities: CitiesToRead): City[] {
  return [...cities.values()].filter(({ formerNames }) => formerNames.length > 0)
}

export interface Place {
  readonly latitude: number
  readonly longitude: number
}

export function nearest(cities: CitiesToRead, place: Place, many: number): { city: City; km: number }[] {
  return [...cities.values()]
    .map((city) => ({ city, km: distanceKm(city, place) }))
    .sort((a, b) => a.km - b.km)
    .slice(0, many)
}

const EARTH_RADIUS_KM = 6371

function distanceKm(a: Place, b: Place): number {
  const rad = (degrees: number): number => (degrees * Math.PI) / 180
  const half = (from: number, to: number): number => Math.sin(rad(to - from) / 2) ** 2
  const chord =
    half(a.latitude, b.latitude) +
    Math.cos(rad(a.latitude)) * Math.cos(rad(b.latitude)) * half(a.longitude, b.longitude)
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(chord))
}
