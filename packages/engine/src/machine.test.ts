import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { defineMachine, guard } from './machine.ts'
import { isRefusal, Refusal } from './refusal.ts'

const context = { seq: 1, time: 2 }
const initial = (): { total: number } => ({ total: 0 })
const code = (name: string) => expect.objectContaining({ code: name }) as unknown as Error

describe('defineMachine', () => {
  const counter = defineMachine({
    version: 1,
    initial,
    commands: {
      add(state, amount: number) {
        state.total += amount
        return state.total
      },
      self(this: unknown) {
        return Object.keys(this as object)
      },
    },
  })

  it('compiles named commands to one apply', () => {
    const state = counter.initial()
    expect(counter.apply(state, ['add', 3], context)).toBe(3)
    expect(counter.apply(state, ['self', undefined], context)).toEqual(['add', 'self'])
    expect(counter.names).toEqual(new Set(['add', 'self']))
  })

  it('refuses a name that it does not have, and names that every object has', () => {
    for (const name of ['sub', 'toString', '__proto__', 'constructor']) {
      expect(() => counter.apply(counter.initial(), [name, 1], context)).toThrow(code('UNKNOWN_COMMAND'))
    }
  })

  it('takes a bare apply as it is', () => {
    const machine = defineMachine({
      version: 1,
      initial,
      apply: (state, [name, amount]: ['add', number]) => `${name} ${amount} ${state.total}`,
    })
    expect(machine.apply(initial(), ['add', 1], context)).toBe('add 1 0')
    expect(machine.names).toBeUndefined()
  })

  it('refuses async and generator functions with ASYNC_APPLY', () => {
    expect(() => defineMachine({ version: 1, initial, commands: { async add() {} } })).toThrow(
      code('ASYNC_APPLY'),
    )
    expect(() => defineMachine({ version: 1, initial, commands: { *add() {} } })).toThrow(code('ASYNC_APPLY'))
    expect(() => defineMachine({ version: 1, initial, apply: async () => {} })).toThrow(code('ASYNC_APPLY'))
  })

  it('refuses what a machine cannot be', () => {
    for (const version of [0, -1, 1.5, Number.NaN, 2 ** 32, '1' as unknown as number]) {
      expect(() => defineMachine({ version, initial, commands: {} })).toThrow(code('INVALID_ARGUMENT'))
    }
    expect(() => defineMachine({ version: 1, initial, commands: {}, entries: () => [] })).toThrow(
      /belong together/,
    )
    expect(() => defineMachine({ version: 1, initial } as never)).toThrow(/either commands or a bare apply/)
    expect(() => defineMachine({ version: 1, initial, commands: { add: 1 } } as never)).toThrow(
      /'add' must be a function/,
    )
    expect(() => defineMachine({ version: 1, initial, commands: {}, upgrad: {} } as never)).toThrow(
      /a machine has nothing called 'upgrad'/,
    )
    expect(() => defineMachine({ version: 1, initial: {}, commands: {} } as never)).toThrow(
      /initial must be a function/,
    )
  })
})

describe('guard', () => {
  const machine = defineMachine({ version: 1, initial, commands: { add: (_state, _amount: number) => {} } })

  it('keeps schemas beside the commands, those of an earlier guard too', () => {
    const schema = z.number()
    expect(guard(guard(machine, { add: schema }), {}).schemas.get('add')).toBe(schema)
    expect(machine.schemas.size).toBe(0)
  })

  it('refuses a schema for no command, and what is no schema', () => {
    expect(() => guard(machine, { sub: z.number() } as never)).toThrow(/no command 'sub'/)
    expect(() => guard(machine, { add: { parse: () => 1 } } as never)).toThrow(/not a Standard Schema/)
  })
})

describe('Refusal', () => {
  it('carries a code and data, and is told by its code', () => {
    const refusal = new Refusal('NO_SUCH_CITY', { id: 3 })
    expect(refusal).toMatchObject({ name: 'Refusal', code: 'NO_SUCH_CITY', data: { id: 3 } })
    expect(isRefusal(refusal)).toBe(true)
    expect(isRefusal(refusal, 'NO_SUCH_CITY')).toBe(true)
    expect(isRefusal(refusal, 'OTHER')).toBe(false)
    expect(isRefusal(new Error('NO_SUCH_CITY'))).toBe(false)
  })
})
