import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import type { Call, CommandContext, Outcomes } from './commands.ts'
import { defineMachine, guard, type Machine } from './machine.ts'
import { Refusal } from './refusal.ts'

interface City {
  id: number
  name: string
}

type Cities = Map<number, City>

const cities = defineMachine({
  version: 1,
  initial: () => new Map<number, City>(),
  commands: {
    add(state, city: City, context) {
      expectTypeOf(state).toEqualTypeOf<Cities>()
      expectTypeOf(context).toEqualTypeOf<CommandContext>()
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
    first(state, offset?: number) {
      return [...state.values()][offset ?? 0]
    },
  },
})

type CityCommands = {
  add: { argument: City; result: number }
  rename: { argument: { id: number; name: string }; result: void }
  clear: { argument: undefined; result: 'cleared' }
  first: { argument: number | undefined; result: City | undefined }
}

type TypesOf<M> = M extends Machine<infer _State, infer Types> ? Types : never

describe('defineMachine', () => {
  it('knows argument and result of each command', () => {
    expectTypeOf<TypesOf<typeof cities>>().toEqualTypeOf<CityCommands>()
  })

  it('takes the types of a bare apply out of its union', () => {
    const counter = defineMachine({
      version: 1,
      initial: () => ({ total: 0 }),
      apply(state, command: ['add', number] | ['reset'], { seq }) {
        expectTypeOf(state).toEqualTypeOf<{ total: number }>()
        expectTypeOf(seq).toEqualTypeOf<number>()
        if (command[0] === 'add') expectTypeOf(command[1]).toEqualTypeOf<number>()
        return state.total
      },
    })
    expectTypeOf(counter).toEqualTypeOf<
      Machine<
        { total: number },
        { add: { argument: number; result: number }; reset: { argument: undefined; result: number } }
      >
    >()
  })

  it('ties restore to what entries gives', () => {
    defineMachine({
      version: 1,
      initial: () => new Map<number, City>(),
      commands: {},
      entries: (state) => state,
      restore: async (entries) => {
        const state = new Map<number, City>()
        for await (const entry of entries) {
          expectTypeOf(entry).toEqualTypeOf<[number, City]>()
          state.set(...entry)
        }
        return state
      },
    })
  })

  it('refuses an argument that nobody gave a type to, a state that is no object, and an upgrade to another state', () => {
    defineMachine({
      version: 1,
      initial: () => ({ total: 0 }),
      commands: {
        add(state, amount) {
          expectTypeOf(amount).toBeNever()
          return state.total
        },
      },
    })
    // @ts-expect-error a number cannot be changed in place
    defineMachine({ version: 1, initial: () => 0, commands: {} })
    const definition = { version: 2, initial: () => ({ total: 0 }), commands: {} }
    // @ts-expect-error upgrade.state gives the state of this version
    defineMachine({ ...definition, upgrade: { state: () => ({ sum: 0 }) } })
  })
})

describe('guard', () => {
  it('replaces what a command takes at the call by what its schema takes', () => {
    const schema = z.object({ id: z.coerce.number<string>(), name: z.string().default('?') })
    const guarded = guard(cities, { add: schema })
    expectTypeOf<TypesOf<typeof guarded>['add']>().toEqualTypeOf<{
      argument: { id: string; name?: string | undefined }
      result: number
    }>()
    expectTypeOf<TypesOf<typeof guarded>['rename']>().toEqualTypeOf<CityCommands['rename']>()
  })

  it('refuses a schema that gives something else than the command takes, and one for no command', () => {
    // @ts-expect-error a city needs a name
    guard(cities, { add: z.object({ id: z.number() }) })
    // @ts-expect-error there is no such command
    guard(cities, { remove: z.number() })
  })
})

describe('calls by name', () => {
  it('are tuples, whose argument may be left out where it may be undefined', () => {
    expectTypeOf<['add', City]>().toExtend<Call<CityCommands>>()
    expectTypeOf<['clear']>().toExtend<Call<CityCommands>>()
    expectTypeOf<['add']>().not.toExtend<Call<CityCommands>>()
    expectTypeOf<['add', { id: 1; name: string }]>().toExtend<Call<CityCommands>>()
    expectTypeOf<['rename', City]>().toExtend<Call<CityCommands>>()
    expectTypeOf<['rename', { id: number }]>().not.toExtend<Call<CityCommands>>()
    expectTypeOf<['remove', number]>().not.toExtend<Call<CityCommands>>()
  })

  it('have one outcome each, in their order', () => {
    expectTypeOf<Outcomes<CityCommands, [['add', City], ['clear']]>>().toEqualTypeOf<
      [PromiseSettledResult<number>, PromiseSettledResult<'cleared'>]
    >()
    expectTypeOf<Outcomes<CityCommands, readonly Call<CityCommands>[]>>().toExtend<
      PromiseSettledResult<unknown>[]
    >()
  })
})
