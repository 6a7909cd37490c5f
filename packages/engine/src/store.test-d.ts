import { describe, expectTypeOf, it } from 'vitest'
import { defineMachine } from './machine.ts'
import { open } from './open.ts'
import { openAt, openReadOnly } from './open-read-only.ts'
import { Refusal } from './refusal.ts'
import type { Store } from './store.ts'

interface City {
  id: number
  name: string
}

const cities = defineMachine({
  version: 1,
  initial: () => new Map<number, City>(),
  commands: {
    add(state, city: City, { seq, time }) {
      expectTypeOf(seq).toEqualTypeOf<number>()
      expectTypeOf(time).toEqualTypeOf<number>()
      state.set(city.id, city)
      return state.size
    },
    rename(state, change: { id: number; name: string }) {
      const city = state.get(change.id)
      if (city === undefined) throw new Refusal('NO_SUCH_CITY', { id: change.id })
      city.name = change.name
    },
    clear(state) {
      state.clear()
      return 'cleared' as const
    },
  },
})

declare const city: City

describe('open', () => {
  it('gives a store that knows state, arguments and results', async () => {
    const store = await open('./data', cities)
    expectTypeOf(store.state).toEqualTypeOf<ReadonlyMap<number, City>>()
    expectTypeOf(store.execute('add', city)).toEqualTypeOf<Promise<number>>()
    expectTypeOf(store.execute('add', city, { durability: 'os' })).toEqualTypeOf<Promise<number>>()
    expectTypeOf(store.execute('rename', { id: 1, name: 'x' })).toEqualTypeOf<Promise<void>>()
    expectTypeOf(store.execute('clear')).toEqualTypeOf<Promise<'cleared'>>()
    expectTypeOf(store.execute('clear', undefined, { durability: 'os' })).toEqualTypeOf<Promise<'cleared'>>()
    // @ts-expect-error there is no such command
    void store.execute('remove', 1)
    // @ts-expect-error a city needs a name
    void store.execute('add', { id: 1 })
    // @ts-expect-error this one takes an argument
    void store.execute('add')
    expectTypeOf(store.state).not.toHaveProperty('set')
  })

  it('takes calls by name, one by one and many at once', async () => {
    const store = await open('./data', cities)
    const outcomes = await store.executeAll([['add', city], ['clear']])
    expectTypeOf(outcomes).toEqualTypeOf<[PromiseSettledResult<number>, PromiseSettledResult<'cleared'>]>()
    void store.executeEach([['add', city], ['clear']])
    void store.executeEach(
      (async function* () {
        yield ['add', city] as const
      })(),
    )
    // @ts-expect-error a city needs a name
    void store.executeAll([['add', { id: 1 }]])
    // @ts-expect-error a city needs a name
    void store.executeEach([['add', { id: 1 }]])
  })

  it('has a change feed whose changes are told apart by their names', async () => {
    const store = await open('./data', cities)
    for await (const change of store.changes({ from: 1 })) {
      expectTypeOf(change.name).toEqualTypeOf<'add' | 'rename' | 'clear'>()
      if (change.name === 'add') expectTypeOf(change.argument).toEqualTypeOf<City>()
      expectTypeOf(change.refused).toEqualTypeOf<boolean>()
    }
  })

  it('has typed events', async () => {
    const store = await open('./data', cities)
    store.events.on('applyFailed', ({ seq, name }) => {
      expectTypeOf(seq).toEqualTypeOf<number>()
      expectTypeOf(name).toEqualTypeOf<string>()
    })
    // @ts-expect-error there is no such event
    store.events.on('nothing', () => {})
  })
})

describe('openReadOnly and openAt', () => {
  it('give a store without the writing methods', async () => {
    const store = await openReadOnly('./data', cities)
    expectTypeOf(store.state).toEqualTypeOf<ReadonlyMap<number, City>>()
    type Writing = 'execute' | 'executeAll' | 'executeEach' | 'snapshot' | 'sync' | 'backup' | 'ready'
    expectTypeOf<Extract<keyof typeof store, Writing>>().toBeNever()
    expectTypeOf<Extract<keyof Store, Writing>>().toEqualTypeOf<Writing>()
    expectTypeOf(openAt('./data', cities, { seq: 1 })).toEqualTypeOf<Promise<typeof store>>()
    expectTypeOf(openAt('./data', cities, { time: 1 })).toEqualTypeOf<Promise<typeof store>>()
  })
})
