import sortedBTree from 'sorted-btree'
import { defineMachine } from 'holdfast'
import type { Cities, City } from '../recovery/cities.ts'

// Of CommonJS, whose `default` is behind another one.
const BTree = sortedBTree.default

interface State {
  cities: InstanceType<typeof BTree<number, City>>
}

/** The cities in a copy-on-write tree, of which `clone` makes a copy without copying anything. Reads what the machine with a Map has stored. */
export const cityTreeMachine = defineMachine({
  version: 2,
  initial: (): State => ({ cities: new BTree<number, City>() }),
  commands: {
    add({ cities }, city: City) {
      cities.set(city.id, city)
      return cities.size
    },
  },
  capture: ({ cities }) => ({ cities: cities.clone() }),
  entries: ({ cities }) => cities.values(),
  async restore(entries) {
    const all: [number, City][] = []
    for await (const city of entries) all.push([city.id, city])
    return { cities: new BTree(all) }
  },
  upgrade: { state: (stored) => ({ cities: new BTree([...(stored as Cities)]) }) },
})
