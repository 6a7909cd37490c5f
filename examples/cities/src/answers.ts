// The questions, put to the store, and the answers in words.
import { type CitiesToRead, countries, largest, nearest, renamed } from './questions.ts'
import { count } from './report.ts'

const BERMUDA_TRIANGLE = { latitude: 25, longitude: -71 }
const COUNTRY = new Intl.DisplayNames('en', { type: 'region' })

export function answerQuestions(cities: CitiesToRead): void {
  ask('The largest cities?', () =>
    largest(cities, 5).map(({ name, population }) => `${name} ${count(population)}`),
  )
  ask('How many in Iceland?', () => {
    const found = countries(cities).find(({ country }) => country === 'IS')
    return [`${found?.cities ?? 0}, with ${count(found?.people ?? 0)} people`]
  })
  ask('Which countries have the most?', () =>
    countries(cities)
      .slice(0, 5)
      .map((country) => `${COUNTRY.of(country.country)} ${count(country.cities)}`),
  )
  ask('The city nearest to the middle of the Bermuda Triangle?', () =>
    nearest(cities, BERMUDA_TRIANGLE, 1).map(
      ({ city, km }) => `${city.name}, ${COUNTRY.of(city.country)}, ${count(km)} km`,
    ),
  )
}

/** `past`: the same cities at an earlier sequence. */
export function answerQuestionsOfThePast(past: CitiesToRead, present: CitiesToRead): void {
  ask('Who has another name now?', () => {
    const all = renamed(present)
    const few = all
      .map((city) => ({ city, former: past.get(city.id)?.name ?? '' }))
      .filter(({ city, former }) => !city.name.startsWith(former))
      .sort((a, b) => b.city.population - a.city.population)
      .slice(0, 4)
    return [
      `${count(all.length)} cities, among them ${few.map(({ city, former }) => `${city.name}, once ${former}`).join('; ')}`,
    ]
  })
  ask('Who has grown most since the load?', () => {
    const growth = ({ id, population }: { id: number; population: number }): number =>
      population - (past.get(id)?.population ?? 0)
    return [...present.values()]
      .sort((a, b) => growth(b) - growth(a))
      .slice(0, 3)
      .map((city) => `${city.name} by ${count(growth(city))}`)
  })
}

function ask(question: string, answer: () => readonly string[]): void {
  console.log(`${question}\n  ${answer().join('; ')}`)
}
