import { defineMachine, open, Refusal } from 'holdfast'

type City = { id: number; name: string; population: number }

const cities = defineMachine({
  version: 1,
  initial: () => new Map<number, City>(),
  commands: {
    add(state, city: City) {
      state.set(city.id, city)
      return state.size
    },
    rename(state, change: { id: number; name: string }, { seq }) {
      const city = state.get(change.id)
      if (city === undefined) throw new Refusal('NO_SUCH_CITY', { id: change.id })
      city.name = change.name
      return `command ${seq}: city ${city.id} is now called ${city.name}`
    },
  },
})

const store = await open('./data', cities) // creates it, or recovers it after whatever happened
console.log(`${store.state.size} cities came back with ${store.appliedSeq} commands`)

const id = store.state.size + 1
await store.execute('add', { id, name: 'Leningrad', population: 5_028_000 }) // on disk, then applied
console.log(await store.execute('rename', { id, name: 'Saint Petersburg' }))
console.log(await store.execute('rename', { id: 0, name: 'Atlantis' }).catch(String))

await store.close() // or pull the plug: what was acknowledged is there again
